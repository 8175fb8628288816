//! Metrics as Prometheus reads them.
//!
//! May use the shared state, the store's statistics and `prometheus` for the text. Invariant: a name keeps its meaning and its unit;
//! names of clients, keys and values are in no label, so that the text stays as long as the table of commands.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::health::Condition;
use super::shared::Shared;
use super::tally::{BUCKETS, Counted};

/// What the text is, for the header of a reply.
pub(super) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The text of all metrics. Costs the statistics of the store (a look at its list of files) and a count of keys for each db.
pub(super) fn text(shared: &Shared) -> Vec<u8> {
    let mut families = Families::default();
    of_commands(shared, &mut families);
    of_clients(shared, &mut families);
    of_store(shared, &mut families);
    of_reclaiming(shared, &mut families);
    let mut text = Vec::new();
    // Writing to memory cannot fail, and no family is empty or without a name.
    if let Err(error) = TextEncoder::new().encode(&families.all, &mut text) {
        tracing::error!(%error, "metrics cannot be written");
    }
    text
}

/// Families in the making.
#[derive(Default)]
struct Families {
    all: Vec<MetricFamily>,
}

impl Families {
    /// Adds a family, unless it has no metrics: the text has no form for that.
    fn family(&mut self, kind: MetricType, name: &str, help: &str, metrics: Vec<Metric>) {
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("windrow_{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.all.push(family);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Number) {
        self.family(MetricType::GAUGE, name, help, vec![gauge(&[], value)]);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Number) {
        self.family(MetricType::COUNTER, name, help, vec![counter(&[], value)]);
    }
}

/// What a metric can be made of. WHY: a metric is a float, which is exact up to 2^53; beyond that the nearest one is told.
trait Number {
    fn float(self) -> f64;
}

impl Number for f64 {
    fn float(self) -> f64 {
        self
    }
}

impl Number for u64 {
    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for usize {
    fn float(self) -> f64 {
        self as f64
    }
}

fn seconds(micros: u64) -> f64 {
    micros.float() / 1e6
}

fn labels(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}

fn gauge(labelled: &[(&str, &str)], value: impl Number) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value.float());
    let mut metric = Metric::from_label(labels(labelled));
    metric.set_gauge(gauge);
    metric
}

fn counter(labelled: &[(&str, &str)], value: impl Number) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value.float());
    let mut metric = Metric::from_label(labels(labelled));
    metric.set_counter(counter);
    metric
}

/// The calls and times of a group of commands.
#[derive(Default)]
struct Group {
    counts: [u64; BUCKETS],
    seconds: f64,
}

impl Group {
    fn add(&mut self, counted: &Counted) {
        self.counts.iter_mut().zip(counted.buckets).for_each(|(sum, count)| *sum += count);
        self.seconds += seconds(counted.micros);
    }

    fn metric(&self, name: &str) -> Metric {
        let mut sum = 0;
        let mut buckets = Vec::with_capacity(BUCKETS);
        let mut micros = 1_u64;
        for count in self.counts {
            sum += count;
            let mut bucket = Bucket::default();
            bucket.set_cumulative_count(sum);
            bucket.set_upper_bound(seconds(micros));
            buckets.push(bucket);
            micros = micros.saturating_mul(2);
        }
        // The last one has no bound.
        buckets.pop();
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(sum);
        histogram.set_sample_sum(self.seconds);
        let mut metric = Metric::from_label(labels(&[("group", name)]));
        metric.set_histogram(histogram);
        metric
    }
}

fn of_commands(shared: &Shared, families: &mut Families) {
    let (mut calls, mut failed, mut rejected, mut took) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for (command, counted) in shared.tally.by_command() {
        let label = [("command", command.name)];
        calls.push(counter(&label, counted.calls));
        failed.push(counter(&label, counted.failed));
        rejected.push(counter(&label, counted.rejected));
        took.push(counter(&label, seconds(counted.micros)));
        groups.entry(command.group).or_default().add(&counted);
    }
    let errors = shared.tally.by_code();
    let errors = errors.iter().map(|(code, count)| counter(&[("code", code)], *count)).collect();
    let groups = groups.iter().map(|(name, group)| group.metric(name)).collect();
    let kind = MetricType::COUNTER;
    families.family(kind, "commands_total", "Commands that were done.", calls);
    families.family(kind, "commands_failed_total", "Commands that were done and answered with an error.", failed);
    families.family(kind, "commands_rejected_total", "Commands that were refused before they began.", rejected);
    families.family(kind, "command_seconds_total", "Time that commands took.", took);
    families.family(kind, "errors_total", "Errors that were answered, by their code.", errors);
    let help = "Time that a command took, by its group, without the network.";
    families.family(MetricType::HISTOGRAM, "command_duration_seconds", help, groups);
}

fn of_clients(shared: &Shared, families: &mut Families) {
    let max = shared.settings.lock().max_clients;
    families.gauge("connected_clients", "Clients that are connected.", shared.clients.count());
    families.gauge("max_clients", "Clients that may be connected.", max);
    families.counter("connections_total", "Clients that have come.", shared.clients.ever());
    let refused = shared.refused_clients.load(Ordering::Relaxed);
    families.counter("connections_refused_total", "Clients that came when there were too many.", refused);
    let help = "Clients that were sent away because too much of theirs waited.";
    families.counter("clients_over_limit_total", help, shared.over_limit.load(Ordering::Relaxed));
    families.counter("wrong_passwords_total", "Passwords that were wrong.", shared.guesses.wrong_ever());
    let waiting = shared.waiting.load(Ordering::Relaxed);
    families.gauge("waiting_bytes", "Bytes of requests and replies that wait.", waiting);
    families.gauge(
        "max_waiting_bytes",
        "Bytes of requests and replies that may wait.",
        shared.options.max_waiting_bytes,
    );
    families.gauge("uptime_seconds", "Time since the start.", shared.started.elapsed().as_secs_f64());
}

fn of_store(shared: &Shared, families: &mut Families) {
    let mut keys = Vec::new();
    for number in 0..shared.options.databases {
        // A store that has failed has no keys to tell of.
        let count = shared.store.db(number).len().unwrap_or(0);
        if count > 0 || number == 0 {
            keys.push(gauge(&[("db", &number.to_string())], count));
        }
    }
    families.family(MetricType::GAUGE, "keys", "Keys of a db.", keys);
    let health = &shared.health;
    let conditions = [Condition::Well, Condition::DiskLow, Condition::Stalled, Condition::Failed];
    let status = |one: Condition| gauge(&[("status", one.name())], u64::from(one == health.condition()));
    let help = "1 for the condition in which the store is.";
    families.family(MetricType::GAUGE, "store_status", help, conditions.into_iter().map(status).collect());
    let help = "Commands that were refused for the condition of the store.";
    families.counter("store_refused_commands_total", help, health.refused());
    families.gauge("disk_free_bytes", "Bytes that the disk has left.", health.free_bytes());
    let told = shared.saves.told();
    families.counter("saves_total", "Saves that were made.", told.made);
    families.gauge(
        "last_save_timestamp_seconds",
        "When the last good save was made, in seconds since 1970.",
        told.last_time,
    );
    families.gauge("last_save_failed", "1 if the last save failed.", u64::from(told.last_error.is_some()));
}

fn of_reclaiming(shared: &Shared, families: &mut Families) {
    let stats = shared.store.stats();
    let all = stats.in_all;
    families.gauge("debt_bytes", "Bytes that are dead and not yet given back.", stats.debt_bytes);
    families.gauge("debt_ids", "Collections that are dead and not yet given back.", stats.debt_ids);
    families.gauge("debt_age_seconds", "Age of the oldest debt.", stats.debt_age.as_secs_f64());
    families.gauge(
        "waiting_ids",
        "Dead collections that a view, an operation or a sync holds back.",
        stats.waiting_ids,
    );
    families.gauge("open_views", "Views that are open.", stats.open_views);
    families.gauge("expiry_paused", "1 while expiry is paused because of the clock.", u64::from(stats.expiry_paused));
    families.counter("keys_expired_total", "Keys that have expired.", all.keys_reaped);
    families.counter("files_dropped_total", "Files that were dropped unread.", all.files_dropped);
    families.counter("bytes_dropped_total", "Bytes of files that were dropped unread.", all.bytes_dropped);
    families.counter("range_deletions_total", "Ranges that were deleted.", all.range_deletions);
    families.counter("compactions_total", "Compactions to give space back.", all.compactions);
    families.counter("rewrite_read_bytes_total", "Bytes that were read to give space back.", all.rewrite_read_bytes);
    families.counter("rewritten_bytes_total", "Bytes that were rewritten to give space back.", all.rewritten_bytes);
    families.counter("segments_retired_total", "Segments that were proven empty.", all.segments_retired);
    families.counter("entries_filtered_total", "Entries that compactions have filtered.", all.entries_filtered);
    families.gauge("reclaim_workers", "Workers that may reclaim at once.", stats.pacing.workers);
    families.gauge("reclaim_step_bytes", "Bytes of a step of reclaiming.", stats.pacing.bytes_per_step);
    families.gauge("reclaim_pause_seconds", "Pause between steps of reclaiming.", stats.pacing.pause.as_secs_f64());
    let reason = format!("{:?}", stats.pacing.reason);
    let reason = reason.split([' ', '{']).next().unwrap_or_default();
    let pace = vec![gauge(&[("reason", reason)], 1_u64)];
    families.family(MetricType::GAUGE, "reclaim_pace", "1 for the reason of the pace of reclaiming.", pace);
    families.gauge("data_file_bytes", "Bytes of files that hold elements.", stats.data_file_bytes);
    families.gauge(
        "other_file_bytes",
        "Bytes of files that hold records, expiries and the like.",
        stats.other_file_bytes,
    );
    families.counter("log_bytes_total", "Bytes that were written to the log since the start.", stats.log_bytes);
    families.counter("flushed_bytes_total", "Bytes that were flushed since the start.", stats.flushed_bytes);
    families.counter(
        "compaction_written_bytes_total",
        "Bytes that compactions wrote since the start.",
        stats.compaction_written_bytes,
    );
    families.gauge(
        "undecodable_entries",
        "Entries that could not be decoded and were kept.",
        stats.undecodable_entries,
    );
}
