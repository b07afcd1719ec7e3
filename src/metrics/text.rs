//! The metrics as text, in two formats.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The media type of [`Rendering::open_metrics`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of [`Rendering::text`].
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of one moment.
#[derive(Debug)]
pub struct Rendering {
    /// As OpenMetrics 1.0 has it, the format that the library writes.
    pub open_metrics: String,
    /// As Prometheus's own format 0.0.4 has it, which older tools read.
    pub text: String,
}

impl Rendering {
    pub(super) fn of(registry: &Registry) -> Rendering {
        let mut open_metrics = String::with_capacity(64 * 1024);
        // Writing into a `String` can't fail; a metric that does is left out.
        let _ = encode(&mut open_metrics, registry);
        let text = to_text(&open_metrics);
        Rendering { open_metrics, text }
    }
}

/// The samples are the same in both. A family has the name of its samples in 0.0.4, so that
/// counters and infos get their suffix; there are no units, and no mark of the end.
fn to_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // A family's help comes before its type, on which its name depends.
    let mut help = None;
    for line in open_metrics.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            text.extend([line, "\n"]);
            continue;
        };
        if let Some(rest) = comment.strip_prefix("HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) =
            comment.strip_prefix("TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            if let Some((_, help)) = help.take() {
                text.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_a_family_like_its_samples() {
        let open_metrics = "\
            # HELP x_build About x.\n# TYPE x_build info\nx_build_info{version=\"1\"} 1\n\
            # HELP y Things.\n# TYPE y counter\ny_total{a=\"# TYPE\"} 3\n\
            # HELP z_seconds Time.\n# TYPE z_seconds gauge\n# UNIT z_seconds seconds\n\
            z_seconds 5\n# EOF\n";
        let text = "\
            # HELP x_build_info About x.\n# TYPE x_build_info gauge\nx_build_info{version=\"1\"} 1\n\
            # HELP y_total Things.\n# TYPE y_total counter\ny_total{a=\"# TYPE\"} 3\n\
            # HELP z_seconds Time.\n# TYPE z_seconds gauge\nz_seconds 5\n";
        assert_eq!(to_text(open_metrics), text);
    }
}
