//! What the bridge has to know of a message: who asks for what, and who is meant. The rest stays
//! text.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Error;

/// The longest line that the sidecar takes (its default).
pub(crate) const LINE_CAP: usize = 32 * 1024 * 1024;
const BATCH_CAP: usize = 1000;

/// What a window sends: one line, looked through.
///
/// ```
/// use tauri_plugin_ai_sidecar::Outgoing;
///
/// let line = r#"{"jsonrpc":"2.0","id":"a-1","method":"ping"}"#;
/// assert_eq!(Outgoing::parse(line.to_owned())?.methods().collect::<Vec<_>>(), ["ping"]);
/// # Ok::<(), tauri_plugin_ai_sidecar::Error>(())
/// ```
#[derive(Debug)]
pub struct Outgoing {
    pub(crate) line: String,
    pub(crate) requests: Vec<Request>,
}

/// One request or notification of a window.
#[derive(Debug)]
pub(crate) struct Request {
    /// As it is written, since it comes back so; none: a notification.
    pub(crate) id: Option<String>,
    pub(crate) method: String,
    /// The execution that it names.
    pub(crate) execution: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    execution_id: Option<String>,
    state: Option<String>,
}

/// Tells `null` from what is not there.
fn there<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

fn named(value: Option<&RawValue>) -> Option<Named> {
    object(value?)
}

/// Reads an object. serde takes an array for a struct, too, with its fields by their order.
fn object<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok())?
}

impl Outgoing {
    /// Looks through a line.
    ///
    /// Whatever the sidecar might read in another way than this is refused: two `method`s in one
    /// object, a line feed between tokens, an id that is null.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], which quotes nothing of the line: there may be a key in it.
    pub fn parse(line: String) -> Result<Self, Error> {
        if line.len() > LINE_CAP {
            return malformed("A line may have 32 MiB.");
        }
        if line.contains(['\n', '\r']) {
            return malformed("A message is one line, without a line feed in it.");
        }
        let members = if line.trim_start().starts_with('[') {
            serde_json::from_str::<Vec<&RawValue>>(&line)
        } else {
            serde_json::from_str::<&RawValue>(&line).map(|one| vec![one])
        };
        let envelopes = members.ok().and_then(|members| {
            members.iter().map(|member| object::<Envelope>(member)).collect::<Option<Vec<_>>>()
        });
        let Some(envelopes) = envelopes else {
            return malformed("That is no JSON-RPC message.");
        };
        if envelopes.is_empty() || envelopes.len() > BATCH_CAP {
            return malformed("A batch holds 1 to 1000 requests.");
        }
        let requests = envelopes.into_iter().map(request).collect::<Result<_, _>>()?;
        Ok(Self { line, requests })
    }

    /// The methods that it asks for, in their order.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().map(|request| request.method.as_str())
    }
}

fn request(envelope: Envelope) -> Result<Request, Error> {
    let Some(method) = envelope.method else {
        return malformed("A request has a method; the sidecar asks nothing and takes no answers.");
    };
    let id = envelope.id.map(RawValue::get);
    if id.is_some_and(|id| {
        !id.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
    }) {
        return malformed("An id is a string or a number.");
    }
    Ok(Request {
        id: id.map(str::to_owned),
        execution: named(envelope.params).and_then(|named| named.execution_id),
        method,
    })
}

fn malformed<T>(why: &'static str) -> Result<T, Error> {
    Err(Error::Malformed(why))
}

/// What the sidecar sends.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Answers(Vec<Answer<'a>>),
    Notification { method: String, execution: Option<String> },
}

#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// As it is written; `null` where the sidecar could not read it.
    pub(crate) id: &'a str,
    result: Option<&'a RawValue>,
}

impl Answer<'_> {
    /// The execution that the answer names, and whether it goes on.
    pub(crate) fn execution(&self) -> Option<(String, bool)> {
        let Named { execution_id, state } = named(self.result)?;
        let ended = matches!(state.as_deref(), Some("done" | "failed" | "cancelled"));
        execution_id.map(|id| (id, !ended))
    }
}

/// Looks through a line of the sidecar's; none where it is no JSON-RPC.
pub(crate) fn incoming(line: &str) -> Option<Incoming<'_>> {
    if line.starts_with('[') {
        let members = serde_json::from_str::<Vec<&RawValue>>(line).ok()?;
        let answers = members.iter().map(|member| answer(&object(member)?));
        return answers.collect::<Option<_>>().map(Incoming::Answers);
    }
    let mut envelope = serde_json::from_str::<Envelope>(line).ok()?;
    match envelope.method.take() {
        Some(method) if envelope.id.is_none() => {
            let execution = named(envelope.params).and_then(|named| named.execution_id);
            Some(Incoming::Notification { method, execution })
        }
        Some(_) => None,
        None => answer(&envelope).map(|one| Incoming::Answers(vec![one])),
    }
}

fn answer<'a>(envelope: &Envelope<'a>) -> Option<Answer<'a>> {
    envelope.id.map(|id| Answer { id: id.get(), result: envelope.result })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> bool {
        matches!(Outgoing::parse(line.to_owned()), Err(Error::Malformed(_)))
    }

    #[test]
    fn what_the_sidecar_could_read_otherwise_is_refused() {
        for line in [
            "",
            "ping",
            "1",
            "[]",
            "[1]",
            "{}",
            r#"["x","ping",{},null]"#,
            r#"[["x","ping",{},null]]"#,
            r#"[{"id":"1","method":"ping"},["x","ping",{},null]]"#,
            r#"{"jsonrpc":"2.0","id":"1"}"#,
            r#"{"id":"1","method":"ping","method":"set_api_key"}"#,
            r#"{"id":"1","method":"ping","m\u0065thod":"set_api_key"}"#,
            r#"{"id":null,"method":"ping"}"#,
            r#"{"id":[1],"method":"ping"}"#,
            r#"{"id":"1","method":7}"#,
            "[{\"id\":\"1\",\"method\":\"ping\"},\n{\"id\":\"2\",\"method\":\"ping\"}]",
            "{\"id\":\"1\",\r\"method\":\"ping\"}",
            r#"{"id":"1","result":{}}"#,
            r#"{"id":"1","method":"ping"} {"id":"2","method":"set_api_key"}"#,
            "\u{feff}{\"id\":\"1\",\"method\":\"ping\"}",
        ] {
            assert!(refused(line), "{line}");
        }
        assert!(refused(&format!("[{}]", vec![r#"{"method":"ping"}"#; 1001].join(","))));
        assert!(refused(&format!(r#"{{"method":"ping","params":"{}"}}"#, "x".repeat(LINE_CAP))));
    }

    #[test]
    fn a_refusal_quotes_nothing_of_the_line() {
        let line = r#"{"method":"set_api_key","params":{"api_key":"sk-secret"}"#.to_owned();
        assert!(!format!("{:?}", Outgoing::parse(line).unwrap_err()).contains("sk-secret"));
    }

    #[test]
    fn methods_are_read_as_the_sidecar_reads_them() {
        let line = r#" [{"method":"set_api\u005fkey"},{"id":7,"method":"ping","params":{"execution_id":"e"}}]"#;
        let sent = Outgoing::parse(line.to_owned()).unwrap();
        assert_eq!(sent.methods().collect::<Vec<_>>(), ["set_api_key", "ping"]);
        assert_eq!(sent.requests[0].id, None);
        assert_eq!(sent.requests[1].id.as_deref(), Some("7"));
        assert_eq!(sent.requests[1].execution.as_deref(), Some("e"));
    }

    #[test]
    fn what_comes_is_an_answer_a_batch_of_answers_or_a_notification() {
        let text = r#"{"jsonrpc":"2.0","id":"a","result":{"execution_id":"e","state":"done"}}"#;
        let Some(Incoming::Answers(answers)) = incoming(text) else { panic!() };
        assert_eq!(answers[0].id, r#""a""#);
        assert_eq!(answers[0].execution(), Some(("e".to_owned(), false)));
        let text = r#"[{"id":1,"result":{}},{"id":null,"error":{"code":-32600,"message":"no"}}]"#;
        let Some(Incoming::Answers(answers)) = incoming(text) else { panic!() };
        assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), ["1", "null"]);
        let text = r#"{"method":"ai_stream_chunk","params":{"execution_id":"e","seq":1}}"#;
        let Some(Incoming::Notification { method, execution }) = incoming(text) else { panic!() };
        assert_eq!((method.as_str(), execution.as_deref()), ("ai_stream_chunk", Some("e")));
        for text in ["", "hello", "{}", "[1]", r#"[["a"]]"#, r#"{"id":1,"method":"ping"}"#] {
            assert!(incoming(text).is_none(), "{text}");
        }
    }
}
