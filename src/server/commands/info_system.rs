//! What the system tells of this process and its machine.
//!
//! Uses the standard library. Invariant: a figure that the system does not tell is left out.

/// Clock ticks a second, in which Linux tells a process's time: its unit for programs, whatever the kernel counts in.
const TICKS: f64 = 100.0;

/// The value of a line `name: 12 kB` in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// What the process holds now.
    pub(super) resident: Option<u64>,
    /// The most it held.
    pub(super) peak: Option<u64>,
    /// The machine's.
    pub(super) total: Option<u64>,
}

pub(super) fn memory() -> Memory {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Memory {
        resident: kilobytes(&status, "VmRSS"),
        peak: kilobytes(&status, "VmHWM"),
        total: kilobytes(&machine, "MemTotal"),
    }
}

/// Seconds of the processors that the process took: in the system's name, and in its own.
pub(super) fn processor_seconds() -> Option<[f64; 2]> {
    let line = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold anything.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some([f64::from(system) / TICKS, f64::from(user) / TICKS])
}

/// Bytes for a person, as Redis writes them.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [(u64, char); 4] = [(1 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes}B"),
        |(size, letter)| {
            let hundredths = u128::from(bytes) * 100 / u128::from(*size);
            format!("{}.{:02}{letter}", hundredths / 100, hundredths % 100)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let memory = memory();
        assert!(memory.resident.unwrap() > 1 << 20);
        assert!(memory.peak >= memory.resident && memory.total > memory.peak);
        assert!(processor_seconds().unwrap().iter().all(|seconds| *seconds < 1e6));
        assert_eq!(kilobytes("A: 1 kB\nAB:\t12 kB\n", "AB"), Some(12 * 1024));
        assert_eq!(kilobytes("A: 1 kB\n", "B"), None);
    }

    #[test]
    fn bytes_are_shown_for_people() {
        assert_eq!([human(0), human(1023), human(1024)], ["0B", "1023B", "1.00K"]);
        assert_eq!([human(1_572_864), human(u64::MAX)], ["1.50M", "16777215.99T"]);
    }
}
