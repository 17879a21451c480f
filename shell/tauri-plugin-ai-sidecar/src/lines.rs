//! The framing of the contract: UTF-8 lines that end at the byte 0x0A and nowhere else.

/// Cuts what a pipe gives into lines.
pub(crate) struct Splitter {
    kept: Vec<u8>,
    cap: usize,
}

/// What can be wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It has grown over the cap: its end was not waited for.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
}

impl Splitter {
    /// Takes lines of up to `cap` bytes, the line feed not counted.
    pub(crate) fn new(cap: usize) -> Self {
        Self { kept: Vec::new(), cap }
    }

    /// Hands on each line that `bytes` completes, without its line feed.
    ///
    /// A line that is not UTF-8 is handed on as a fault and the next one is begun. After a line
    /// that is too long there is no way back: what comes is not looked at.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Result<&str, Fault>)) {
        if self.kept.len() > self.cap {
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (body, whole) = match piece.split_last() {
                Some((b'\n', body)) => (body, true),
                _ => (piece, false),
            };
            if self.kept.len() + body.len() > self.cap {
                self.kept = vec![0; self.cap + 1];
                each(Err(Fault::TooLong));
                return;
            }
            if !whole {
                self.kept.extend_from_slice(body);
            } else if self.kept.is_empty() {
                each(text(body)); // nearly all lines come whole: no copy
            } else {
                self.kept.extend_from_slice(body);
                each(text(&self.kept));
                self.kept.clear();
                self.kept.shrink_to(64 * 1024);
            }
        }
    }
}

fn text(line: &[u8]) -> Result<&str, Fault> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(line).map_err(|_| Fault::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(cap: usize, pieces: &[&[u8]]) -> Vec<Result<String, Fault>> {
        let (mut splitter, mut found) = (Splitter::new(cap), Vec::new());
        for piece in pieces {
            splitter.feed(piece, |line| found.push(line.map(str::to_owned)));
        }
        found
    }

    #[test]
    fn a_line_may_come_in_any_pieces() {
        let whole = "one\n\u{2028}zw\u{85}ei\r\n\ndrei\n".as_bytes();
        let expected = [
            Ok("one".to_owned()),
            Ok("\u{2028}zw\u{85}ei".to_owned()),
            Ok(String::new()),
            Ok("drei".to_owned()),
        ];
        assert_eq!(lines(99, &[whole]), expected);
        for cut in 1..whole.len() {
            assert_eq!(lines(99, &[&whole[..cut], &whole[cut..]]), expected, "{cut}");
        }
        let bytes: Vec<_> = whole.chunks(1).collect();
        assert_eq!(lines(99, &bytes), expected);
    }

    #[test]
    fn a_line_without_its_end_waits() {
        assert_eq!(lines(99, &[b"one\ntw"]), [Ok("one".to_owned())]);
    }

    #[test]
    fn what_is_not_utf8_is_one_fault_and_the_next_line_is_whole() {
        assert_eq!(lines(99, &[b"\xff\xfe\nnext\n"]), [Err(Fault::NotUtf8), Ok("next".to_owned())]);
    }

    #[test]
    fn the_cap_holds_for_whole_and_for_cut_lines_and_nothing_comes_after() {
        assert_eq!(lines(4, &[b"1234\n12345\n1\n"]), [Ok("1234".to_owned()), Err(Fault::TooLong)]);
        assert_eq!(lines(4, &[b"123", b"45", b"\n1\n"]), [Err(Fault::TooLong)]);
    }
}
