//! The ports that recorded cases name, and those that this run has in their place.

use serde_json::Value;

use crate::gateway::Ports;
use crate::port::Port;

/// Every port of the recording. All have five digits, as claimed ones have: lengths stay true.
const RECORDED: [u16; 14] = [
    PROXY, PROXY_TLS, ADMIN, 16_080, 16_081, 16_082, 16_083, SILENT, CLOSING, GARBAGE, 16_088,
    16_089, REDIS, 16_399,
];

pub(super) const ECHO: [u16; 4] = [16_080, 16_081, 16_082, 16_083];
pub(super) const SILENT: u16 = 16_085;
pub(super) const CLOSING: u16 = 16_086;
pub(super) const GARBAGE: u16 = 16_087;
pub(super) const REDIS: u16 = 16_379;
const PROXY: u16 = 18_000;
const PROXY_TLS: u16 = 17_443;
const ADMIN: u16 = 18_001;

/// A claimed port for each recorded one.
pub(super) struct Places {
    ports: Vec<(u16, Port)>,
    status: Port,
}

impl Places {
    pub(super) fn claim() -> Self {
        Self {
            ports: RECORDED.iter().map(|recorded| (*recorded, Port::claim())).collect(),
            status: Port::claim(),
        }
    }

    /// The port that stands for a recorded one.
    ///
    /// # Panics
    /// If the recording has no such port.
    pub(super) fn of(&self, recorded: u16) -> Port {
        self.find(recorded).expect("a port of the recording").clone()
    }

    pub(super) fn gateway(&self) -> Ports {
        Ports {
            proxy: self.of(PROXY),
            proxy_tls: self.of(PROXY_TLS),
            admin: self.of(ADMIN),
            status: self.status.clone(),
        }
    }

    /// A record with the recorded ports replaced, in texts too.
    pub(super) fn move_into(&self, record: Value) -> Value {
        match record {
            Value::String(text) => Value::String(self.move_text(&text)),
            Value::Number(number) => {
                let port = number.as_u64().and_then(|n| self.find(u16::try_from(n).ok()?));
                port.map_or(Value::Number(number), |port| port.number().into())
            }
            Value::Array(items) => items.into_iter().map(|item| self.move_into(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (key, self.move_into(value))).collect()
            }
            other => other,
        }
    }

    /// A port in a text is a number that no other letter or digit touches.
    fn move_text(&self, text: &str) -> String {
        let word = |c: char| c.is_ascii_alphanumeric();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(word) {
            let end = rest[start..].find(|c| !word(c)).map_or(rest.len(), |n| start + n);
            let port = rest[start..end].parse().ok().filter(|_| end - start == 5);
            out.push_str(&rest[..start]);
            match port.and_then(|port| self.find(port)) {
                Some(port) => out.push_str(&port.number().to_string()),
                None => out.push_str(&rest[start..end]),
            }
            rest = &rest[end..];
        }
        out + rest
    }

    fn find(&self, recorded: u16) -> Option<&Port> {
        self.ports.iter().find(|(port, _)| *port == recorded).map(|(_, port)| port)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_move_wherever_they_stand() {
        let places = Places::claim();
        let [echo, proxy] = [16_080, 18_000].map(|port| places.of(port).number());
        let record =
            json!({"port": 16080, "text": "http://h:16080/a?x16080=18000&y=180001", "n": 7});
        let moved = places.move_into(record);
        let text = format!("http://h:{echo}/a?x16080={proxy}&y=180001");
        assert_eq!(moved, json!({"port": echo, "text": text, "n": 7}));
    }
}
