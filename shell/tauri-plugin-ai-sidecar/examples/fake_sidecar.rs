//! A sidecar for the tests, with every fault that a real one should not have.
//!
//! Its arguments are faults from the start: `major=N` speaks another version, `start=exit:N` exits
//! before it answers anything, `start=hang` never answers, `hang-at-exit` outlives the end of its
//! stdin, and `worker` starts another process, which hangs. The methods `fake.*` are faults on
//! demand, and a parameter `error` is the answer's.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |arg: &str| args.iter().any(|each| each == arg);
    let value = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name));
    eprintln!("fake: started");
    if let Some(status) = value("start=exit:") {
        eprintln!("fake: does not start");
        std::process::exit(status.parse().expect("a number"));
    }
    if has("start=hang") {
        hang();
    }
    let version = format!("{}.0", value("major=").unwrap_or("1"));
    if has("worker") {
        let own = std::env::current_exe().expect("a path");
        let worker = std::process::Command::new(own).arg("start=hang").spawn();
        std::mem::forget(worker.expect("a worker"));
    }
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let answers = match message.as_array() {
            Some(batch) => Some(batch.iter().filter_map(|each| answer(each, &version)).collect()),
            None => answer(&message, &version),
        };
        answers.iter().for_each(send);
    }
    if has("hang-at-exit") {
        hang();
    }
}

fn answer(message: &Value, version: &str) -> Option<Value> {
    let (id, params) = (&message["id"], &message["params"]);
    let number = |name: &str| usize::try_from(params[name].as_u64().expect(name)).expect(name);
    let result = match message["method"].as_str().expect("a method") {
        "initialize" => json!({
            "protocol_version": version,
            "process_id": params["process_id"],
            "client": params["client"],
        }),
        "fake.exit" => {
            eprintln!("fake: exits, as it was told to");
            std::process::exit(i32::try_from(number("status")).expect("a status"))
        }
        "fake.garbage" => {
            write(b"Traceback: no JSON\n{\"half\": \n\xff\xfe\n");
            json!({})
        }
        "fake.long" => {
            write(&vec![b'x'; number("bytes")]);
            hang()
        }
        "fake.deaf" => hang(),
        "fake.flood" => {
            for seq in 0..number("lines") {
                let text = "x".repeat(number("bytes"));
                let params =
                    json!({ "execution_id": "flood", "seq": seq, "chunk": { "content": text } });
                send(&json!({ "jsonrpc": "2.0", "method": "ai_stream_chunk", "params": params }));
            }
            json!({})
        }
        "fake.notify" => {
            send(params);
            json!({})
        }
        "shutdown" => {
            send(&json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
            std::process::exit(0)
        }
        "stream_ai_provider" => json!({ "execution_id": params["execution_id"] }),
        _ => params.clone(),
    };
    let answer = match params.get("error") {
        Some(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        None => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
    };
    (!id.is_null()).then_some(answer)
}

fn send(message: &Value) {
    write(format!("{message}\n").as_bytes());
}

fn write(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).expect("stdout");
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
