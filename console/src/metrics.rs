//! The figures that an operator's Prometheus collects. Labels come from routes, stages and codes
//! of ours, never from what a client or a sim says, so the number of series is bounded.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{Method, StatusCode};
use lattice_host::{FleetFigures, egress::EgressFigures};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// All figures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    uploads: Family<OutcomeLabels, Counter>,
    upload_seconds: Family<StageLabels, Histogram, fn() -> Histogram>,
    socket_closes: Family<CloseLabels, Counter>,
    sockets: Gauge,
    log_lines_dropped: Counter,
    match_slots: Gauge,
    matches: Gauge,
    native_matches: Gauge,
    cells: Gauge,
    players_connected: Gauge,
    late_ticks: Gauge,
    dropped_periods: Gauge,
    tick_seconds: Gauge<f64, AtomicU64>,
    sim_memory: Gauge,
    fetches: Family<OutcomeLabels, Counter>,
    fetches_in_flight: Gauge,
    fetches_waiting: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CloseLabels {
    code: u16,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("lattice"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            uploads: Family::default(),
            upload_seconds: Family::new_with_constructor(seconds),
            socket_closes: Family::default(),
            sockets: Gauge::default(),
            log_lines_dropped: Counter::default(),
            match_slots: Gauge::default(),
            matches: Gauge::default(),
            native_matches: Gauge::default(),
            cells: Gauge::default(),
            players_connected: Gauge::default(),
            late_ticks: Gauge::default(),
            dropped_periods: Gauge::default(),
            tick_seconds: Gauge::default(),
            sim_memory: Gauge::default(),
            fetches: Family::default(),
            fetches_in_flight: Gauge::default(),
            fetches_waiting: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "http_request_seconds",
            "Time to a request's answer",
            self.request_seconds.clone(),
        );
        registry.register("uploads", "Modules uploaded, by outcome", self.uploads.clone());
        registry.register(
            "upload_stage_seconds",
            "Time of an upload's stages",
            self.upload_seconds.clone(),
        );
        registry.register("sockets", "Players' sockets that are open", self.sockets.clone());
        registry.register(
            "socket_closes",
            "Players' sockets that were closed by us, by code",
            self.socket_closes.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Lines that sims logged faster than they are written",
            self.log_lines_dropped.clone(),
        );
        registry.register("match_slots", "Matches that can run", self.match_slots.clone());
        registry.register("matches", "Matches that run", self.matches.clone());
        registry.register(
            "native_matches",
            "Matches that run natively",
            self.native_matches.clone(),
        );
        registry.register("cells", "Processes that native sims run in", self.cells.clone());
        registry.register(
            "players_connected",
            "Players with an open connection",
            self.players_connected.clone(),
        );
        registry.register(
            "late_ticks",
            "Ticks of the running matches that began a period or more late",
            self.late_ticks.clone(),
        );
        registry.register(
            "dropped_periods",
            "Periods of the running matches in which no tick ran",
            self.dropped_periods.clone(),
        );
        registry.register(
            "tick_seconds_average_most",
            "The highest average time of a tick among the running matches",
            self.tick_seconds.clone(),
        );
        registry.register(
            "sim_memory_bytes",
            "Memory of the running matches' guests",
            self.sim_memory.clone(),
        );
        registry.register(
            "fetches",
            "Web fetches of sims that have ended, by outcome, and requests that were refused",
            self.fetches.clone(),
        );
        registry.register(
            "fetches_in_flight",
            "Web fetches that are under way or wait for a place of the host",
            self.fetches_in_flight.clone(),
        );
        registry.register(
            "fetches_waiting",
            "Web fetches that wait for their game's turn",
            self.fetches_waiting.clone(),
        );
    }

    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let (method, route, status) = (method_label(method), route.to_owned(), status.as_u16());
        let seconds = self.request_seconds.get_or_create(&RouteLabels { route: route.clone() });
        seconds.observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    /// `admitted`, `same`, `taken`, `rejected` or `unavailable`.
    pub(crate) fn uploaded(&self, outcome: &'static str) {
        self.uploads.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub(crate) fn upload_stage(&self, stage: &'static str, took: Duration) {
        self.upload_seconds.get_or_create(&StageLabels { stage }).observe(took.as_secs_f64());
    }

    pub(crate) fn socket_opened(&self) {
        self.sockets.inc();
    }

    pub(crate) fn socket_closed(&self, code: Option<u16>) {
        self.sockets.dec();
        if let Some(code) = code {
            self.socket_closes.get_or_create(&CloseLabels { code }).inc();
        }
    }

    pub(crate) fn log_lines_dropped(&self, lines: usize) {
        self.log_lines_dropped.inc_by(lines as u64);
    }

    /// The whole, in Prometheus' text format, with the fleet and its egress as they are now.
    pub(crate) fn render(
        &self,
        fleet: &FleetFigures,
        egress: &EgressFigures,
    ) -> Result<String, fmt::Error> {
        self.look_at(fleet);
        self.look_at_egress(egress);
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }

    fn look_at(&self, fleet: &FleetFigures) {
        let statuses = || fleet.matches.iter().map(|(_, status)| status);
        self.match_slots.set(fleet.slots.into());
        self.matches.set(fleet.matches.len() as i64);
        self.native_matches.set(fleet.native.into());
        self.cells.set(fleet.cells.into());
        self.players_connected.set(statuses().map(|status| i64::from(status.connected)).sum());
        self.late_ticks.set(statuses().map(|status| status.late_ticks as i64).sum());
        self.dropped_periods.set(statuses().map(|status| status.dropped_periods as i64).sum());
        self.sim_memory.set(statuses().map(|status| status.memory_bytes as i64).sum());
        let slowest = statuses().map(|status| status.tick_time_average_us).max().unwrap_or(0);
        self.tick_seconds.set(slowest as f64 / 1e6);
    }

    fn look_at_egress(&self, egress: &EgressFigures) {
        self.fetches_in_flight.set(egress.in_flight as i64);
        self.fetches_waiting.set(egress.waiting as i64);
        for (outcome, count) in egress.endings().chain([("refused", egress.refused)]) {
            let fetches = self.fetches.get_or_create(&OutcomeLabels { outcome });
            fetches.inner().store(count, Ordering::Relaxed);
        }
    }
}

/// A method of its own choosing is a client's way to make series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// From half a millisecond to a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 3.0, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::new();
        let took = Duration::from_millis(2);
        metrics.answered(&Method::GET, "/games/{game}", StatusCode::OK, took);
        metrics.answered(&Method::from_bytes(b"BREW").unwrap(), "unmatched", StatusCode::OK, took);
        metrics.upload_stage("scan", took);
        let fleet = FleetFigures { slots: 7, native: 2, cells: 3, ..FleetFigures::default() };
        let egress = EgressFigures { waiting: 5, refused: 3, ..EgressFigures::default() };
        let page = metrics.render(&fleet, &egress).unwrap();
        assert_eq!(metrics.render(&fleet, &egress).unwrap(), page, "it counts nothing by itself");
        let line =
            r#"lattice_http_requests_total{method="GET",route="/games/{game}",status="200"} 1"#;
        assert!(page.contains(line), "{page}");
        assert!(page.contains(r#"method="other""#) && !page.contains("BREW"), "{page}");
        assert!(page.contains(r#"lattice_upload_stage_seconds_count{stage="scan"} 1"#), "{page}");
        assert!(page.contains("lattice_match_slots 7"), "{page}");
        assert!(page.contains("lattice_native_matches 2"), "{page}");
        assert!(page.contains("lattice_cells 3"), "{page}");
        assert!(page.contains("lattice_fetches_waiting 5"), "{page}");
        assert!(page.contains(r#"lattice_fetches_total{outcome="refused"} 3"#), "{page}");
        assert!(page.contains(r#"lattice_fetches_total{outcome="ok"} 0"#), "{page}");
    }
}
