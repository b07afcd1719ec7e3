//! Long responses, such as a backup or an export, read piece by piece and not kept.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::{Site, wrong};

const PIECE_BYTES: usize = 64 * 1024;
/// Long, because a backup sends its first byte only when it is made and checked.
const READ_TIMEOUT: Duration = Duration::from_secs(600);
/// The limit for a line: of the head, or with the size of a chunk.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// Sends a GET, and passes the body on as it comes; gives its length in bytes.
///
/// # Errors
/// The response is not a 200 or not complete, or `take` has refused a piece.
pub fn get(
    site: &Site,
    path: &str,
    take: impl FnMut(&[u8]) -> Result<(), String>,
) -> io::Result<u64> {
    let mut socket = TcpStream::connect(site.address)?;
    socket.set_read_timeout(Some(READ_TIMEOUT))?;
    socket.write_all(&site.request("GET", path, None))?;
    let taken = read(&mut BufReader::with_capacity(PIECE_BYTES, socket), take);
    taken.map_err(|why| wrong(format!("GET {path}: {why}")))
}

/// Reads one chunked response.
fn read(
    from: &mut impl BufRead,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> io::Result<u64> {
    let status = line(from)?;
    if !status.starts_with("HTTP/1.1 200") {
        return Err(wrong(status));
    }
    let mut is_chunked = false;
    loop {
        let header = line(from)?.to_ascii_lowercase();
        is_chunked |= header == "transfer-encoding: chunked";
        if header.is_empty() {
            break;
        }
    }
    if !is_chunked {
        return Err(wrong("the answer is not chunked".into()));
    }
    let (mut piece, mut total) = (Vec::new(), 0);
    loop {
        let text = line(from)?;
        let size = u64::from_str_radix(&text, 16);
        let size = size.map_err(|_| wrong(format!("a chunk of {text:?} bytes")))?;
        piece.clear();
        from.take(size).read_to_end(&mut piece)?;
        if piece.len() as u64 != size || !line(from)?.is_empty() {
            return Err(wrong("a chunk was cut short".into()));
        }
        if size == 0 {
            return Ok(total);
        }
        total += size;
        take(&piece).map_err(wrong)?;
    }
}

/// Without its end.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(MAX_LINE_BYTES).read_line(&mut line)?;
    let whole = line.strip_suffix("\r\n").map(str::to_owned);
    whole.ok_or_else(|| wrong(format!("the answer ends amid {line:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(mut answer: &[u8]) -> io::Result<(u64, String)> {
        let mut text = String::new();
        let total = read(&mut answer, |piece| {
            text += std::str::from_utf8(piece).unwrap();
            Ok(())
        })?;
        Ok((total, text))
    }

    #[test]
    fn chunks_are_handed_on_and_an_answer_that_is_cut_anywhere_is_wrong() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(taken(answer).unwrap(), (6, "hello!".into()));
        for cut in 0..answer.len() {
            assert!(taken(&answer[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn another_status_or_framing_is_wrong_and_so_is_what_nobody_wants() {
        for answer in [
            "HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        ] {
            assert!(taken(answer.as_bytes()).is_err(), "{answer}");
        }
        let mut answer = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"[..];
        let why = read(&mut answer, |_| Err("no more".into())).unwrap_err();
        assert_eq!(why.to_string(), "no more");
    }
}
