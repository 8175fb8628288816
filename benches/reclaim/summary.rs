//! What several turns of the same runs say together.
//!
//! Uses the rows and the spread of figures. Invariant: a ratio is one of two runs of the same turn, so that what slows the
//! machine for a while slows both.

use super::row::Row;
use super::spread::Spread;
use super::strategy::{Ids, Strategy};
use super::table;

/// Medians of each strategy, and how windrow stands, each with the least and the most.
pub(crate) fn lines(rows: &[Row]) -> Vec<String> {
    let turns: Vec<&[Row]> = rows.chunk_by(|one, other| one.turn == other.turn).collect();
    let runs: Vec<(Strategy, Ids)> = turns.first().into_iter().flat_map(|turn| turn.iter().map(run_of)).collect();
    let mut lines = vec![format!("medians of {} turns, with the least and the most:", turns.len())];
    for run in &runs {
        let of_run = || rows.iter().filter(|row| run_of(row) == *run);
        let freed = Spread::of(of_run().filter_map(|row| row.seconds_to_freed));
        let marked = Spread::of(of_run().map(|row| row.seconds_to_reclaimable));
        let not = of_run().filter(|row| row.seconds_to_freed.is_none()).count();
        let not = if not == 0 { String::new() } else { format!("; {not} times NOT") };
        let (name, ids) = (run.0.name(), run.1.name());
        lines.push(format!("  {name:<15}{ids:<8} marked {} s, freed {} s{not}", shown(marked), shown(freed)));
    }
    for (strategy, _) in runs.iter().filter(|(strategy, _)| strategy.is_windrow()) {
        lines.extend(ratios(&turns, *strategy));
    }
    lines
}

fn run_of(row: &Row) -> (Strategy, Ids) {
    (row.strategy, row.ids)
}

/// The ratios that are the project's goals.
fn ratios(turns: &[&[Row]], strategy: Strategy) -> Vec<String> {
    let name = strategy.name();
    let ratio = |of: &dyn Fn(&[Row], &Row) -> Option<f64>| {
        let ours = |turn: &[Row]| table::of(turn, strategy, Ids::Ordered).and_then(|ours| of(turn, ours));
        Spread::of(turns.iter().filter_map(|turn| ours(turn)))
    };
    let slots = ratio(&|turn, ours| {
        let theirs = table::of(turn, Strategy::ScanSlots, Ids::Random)?;
        Some(theirs.seconds_to_freed? / ours.seconds_to_freed?)
    });
    let best = ratio(&|turn, ours| Some(table::best_on_ordered_ids(turn)?.seconds_to_freed? / ours.seconds_to_freed?));
    let unlinked = ratio(&|turn, ours| Some(ours.seconds_from_reclaimable_to_freed()? / table::unlinking(turn)?));
    let named = [
        (format!("time to freed, scan-256, random ids / {name}"), slots),
        (format!("time to freed, best on ordered ids / {name}"), best),
        (format!("time from marked to freed, {name} / unlinking its files by hand"), unlinked),
    ];
    named.into_iter().filter_map(|(name, spread)| Some(format!("  {name}: {}", spread?))).collect()
}

fn shown(spread: Option<Spread>) -> String {
    spread.map_or("?".to_owned(), |spread| spread.to_string())
}
