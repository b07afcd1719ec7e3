//! What systemd tells a service of itself: variables that are no settings.

use std::ffi::OsString;
use std::time::Duration;

/// Read once, at the start. Without systemd, or another supervisor like it, all of it is absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Supervisor {
    /// `JOURNAL_STREAM`: device and inode of the stream that leads to the journal
    /// (systemd.exec(5)).
    pub journal: Option<(u64, u64)>,
    /// `NOTIFY_SOCKET`: where it wants to hear that the service is ready (sd_notify(3)).
    pub notify_socket: Option<OsString>,
    /// `WATCHDOG_USEC`: within this time it wants to hear again that the service is well
    /// (sd_watchdog_enabled(3)).
    pub watchdog: Option<Duration>,
}

impl Supervisor {
    /// What the environment says to the process of that number.
    pub fn of_process(pid: u32) -> Supervisor {
        Supervisor::told(pid, |name| std::env::var_os(name))
    }

    fn told(pid: u32, variable: impl Fn(&str) -> Option<OsString>) -> Supervisor {
        let text = |name| variable(name).and_then(|text| text.into_string().ok());
        let is_meant = text("WATCHDOG_PID").is_none_or(|meant| meant == pid.to_string());
        let micros = text("WATCHDOG_USEC").and_then(|micros| micros.parse().ok());
        Supervisor {
            journal: text("JOURNAL_STREAM").as_deref().and_then(stream),
            notify_socket: variable("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()),
            watchdog: micros.filter(|micros| is_meant && *micros > 0).map(Duration::from_micros),
        }
    }
}

/// `9:35427`
fn stream(text: &str) -> Option<(u64, u64)> {
    let (device, inode) = text.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Supervisor {
        Supervisor::told(17, |name| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, text)| text.into())
        })
    }

    #[test]
    fn all_of_it_may_be_absent_or_nonsense() {
        let nonsense = [("JOURNAL_STREAM", "9"), ("NOTIFY_SOCKET", ""), ("WATCHDOG_USEC", "soon")];
        assert_eq!(told(&[]), Supervisor::default());
        assert_eq!(told(&nonsense), Supervisor::default());
        assert_eq!(told(&[("WATCHDOG_USEC", "0")]).watchdog, None);
    }

    #[test]
    fn a_journal_a_socket_and_a_watchdog_of_this_process_are_read() {
        let all = told(&[
            ("JOURNAL_STREAM", "9:35427"),
            ("NOTIFY_SOCKET", "@notify"),
            ("WATCHDOG_USEC", "30000000"),
            ("WATCHDOG_PID", "17"),
        ]);
        assert_eq!(all.journal, Some((9, 35427)));
        assert_eq!(all.notify_socket, Some("@notify".into()));
        assert_eq!(all.watchdog, Some(Duration::from_secs(30)));
        let another = [("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "18")];
        assert_eq!(told(&another).watchdog, None);
    }
}
