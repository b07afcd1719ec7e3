//! A response, and what may be asked of it.

use serde_json::{Value, json};

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Status line and headers as they came, with the empty line.
    pub head: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    #[track_caller]
    pub fn parse_head(head: &str) -> Response {
        let mut lines = head.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        let status_line = lines.next().unwrap();
        let rest = status_line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{head}"));
        let (status, _phrase) = rest.split_once(' ').unwrap_or_else(|| panic!("{head}"));
        assert_eq!(status.len(), 3, "{status_line}");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("header {line:?}"));
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            assert!(!name.is_empty() && name.bytes().all(is_token), "header {line:?}");
            (name.to_owned(), value.to_owned())
        });
        Response {
            status: status.parse().unwrap(),
            head: head.to_owned(),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// The header's value; panics where it is there twice.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let first = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "two lines of {name}: {:?}", self.headers);
        first
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("Content-Type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    /// 200 and JSON.
    #[track_caller]
    pub fn good(&self) -> Value {
        self.assert_status(200);
        self.json()
    }

    /// 200 and exactly this body, of any kind.
    #[track_caller]
    pub fn assert_text(&self, body: &str) {
        assert_eq!((self.status, self.text().as_str()), (200, body), "{self:?}");
    }

    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}\n{:?}", self.text(), self.headers);
    }

    /// The status and exactly this body, compact.
    #[track_caller]
    pub fn assert_json(&self, status: u16, body: &Value) {
        self.assert_status(status);
        let came = self.json();
        assert_eq!(&came, body, "\ncame:   {came}\nwanted: {body}");
        assert_eq!(self.text(), came.to_string(), "compact JSON");
    }

    /// `{"detail": text}`.
    #[track_caller]
    pub fn assert_detail(&self, status: u16, text: &str) {
        self.assert_json(status, &json!({ "detail": text }));
        assert!(self.header("X-Request-Id").is_some(), "no X-Request-Id");
        let challenge = (status == 401).then_some("Bearer");
        assert_eq!(self.header("WWW-Authenticate"), challenge);
    }

    /// 422 with exactly these faults, in this order.
    #[track_caller]
    pub fn assert_invalid(&self, faults: &[Value]) {
        self.assert_json(422, &json!({ "detail": faults }));
        assert!(self.header("X-Request-Id").is_some(), "no X-Request-Id");
    }

    /// 422 for one query parameter and nothing else, in the shape of all 422s.
    #[track_caller]
    pub fn assert_bad_parameter(&self, name: &str, input: &str) {
        self.assert_status(422);
        let body = self.json();
        let faults = body["detail"].as_array().unwrap_or_else(|| panic!("no list: {body}"));
        assert_eq!(faults.len(), 1, "{body}");
        let fault = &faults[0];
        assert_eq!(fault["loc"], json!(["query", name]), "{body}");
        assert_eq!(fault["input"], input, "{body}");
        for key in ["type", "msg"] {
            assert!(fault[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {body}");
        }
    }

    #[track_caller]
    pub fn assert_header(&self, name: &str, value: &str) {
        assert_eq!(self.header(name), Some(value), "{name} in {:?}", self.headers);
    }

    #[track_caller]
    pub fn assert_no_header(&self, name: &str) {
        assert_eq!(self.header(name), None, "{name} in {:?}", self.headers);
    }

    /// Whether that item is in a comma-separated header.
    #[track_caller]
    pub fn lists(&self, name: &str, item: &str) -> bool {
        let values = self.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        values
            .flat_map(|(_, value)| value.split(','))
            .any(|it| it.trim().eq_ignore_ascii_case(item))
    }
}
