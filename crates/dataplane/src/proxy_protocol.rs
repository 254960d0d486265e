//! The PROXY protocol, versions 1 and 2, as its receiver
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Both ends of the connection that the header speaks of; `None` if it is the sender's own
/// (`LOCAL`, `UNKNOWN`), whose addresses are those of the socket.
pub(crate) type Ends = Option<(SocketAddr, SocketAddr)>;

/// Reads a header and nothing behind it.
///
/// # Errors
/// If the connection breaks, or if what stands there is no header.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Ends> {
    // The shortest header of either version is longer.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return read_v2(stream).await;
    }
    if !start.starts_with(b"PROXY ") {
        return Err(invalid("the connection does not start with a PROXY protocol header"));
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == MAX_LINE {
            return Err(invalid("the PROXY protocol line is longer than 107 bytes"));
        }
        line.push(stream.read_u8().await?);
    }
    parse_v1(&line[..line.len() - 2]).ok_or_else(|| invalid("the PROXY protocol line is malformed"))
}

fn parse_v1(line: &[u8]) -> Option<Ends> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, destination_port) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    let source = SocketAddr::new(address(source)?, port(source_port)?);
    Some(Some((source, SocketAddr::new(address(destination)?, port(destination_port)?))))
}

async fn read_v2<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Ends> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [command, family, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_V2 {
        return Err(invalid("the PROXY protocol header is longer than 2 KiB"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    parse_v2(command, family, &rest)
        .ok_or_else(|| invalid("the PROXY protocol header (version 2) is malformed"))
}

fn parse_v2(command: u8, family: u8, rest: &[u8]) -> Option<Ends> {
    match command {
        0x20 => return Some(None),
        0x21 => {}
        _ => return None,
    }
    match family {
        0x11 => {
            let (source, destination) = (rest.get(..4)?, rest.get(4..8)?);
            let ip = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
            Some(Some(ends(ip(source)?, ip(destination)?, rest.get(8..12)?)))
        }
        0x21 => {
            let (source, destination) = (rest.get(..16)?, rest.get(16..32)?);
            let ip = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
            Some(Some(ends(ip(source)?, ip(destination)?, rest.get(32..36)?)))
        }
        // Unspecified, datagrams and Unix sockets: there are no addresses to use.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => Some(None),
        _ => None,
    }
}

fn ends(source: IpAddr, destination: IpAddr, ports: &[u8]) -> (SocketAddr, SocketAddr) {
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    (SocketAddr::new(source, port(0)), SocketAddr::new(destination, port(2)))
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a line of version 1 (section 2.1).
const MAX_LINE: usize = 107;
/// Bytes of addresses and additional fields that are read past.
const MAX_V2: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8]) -> (io::Result<Ends>, usize) {
        let mut rest = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ends = runtime.block_on(read(&mut rest));
        (ends, rest.len())
    }

    fn addresses(bytes: &[u8]) -> Option<(String, String)> {
        let ends = read_all(bytes).0.expect("a header")?;
        Some((ends.0.to_string(), ends.1.to_string()))
    }

    #[test]
    fn lines_are_read_to_their_end_and_no_further() {
        let (ends, left) = read_all(b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET /");
        let (source, destination) = ends.expect("a header").expect("addresses");
        assert_eq!(
            (source.to_string(), destination.to_string()),
            ("1.2.3.4:9".into(), "5.6.7.8:10".into())
        );
        assert_eq!(left, 5);
        let line = b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
        assert_eq!(addresses(line), Some(("[2001:db8::1]:1".into(), "[::1]:2".into())));
        assert_eq!(addresses(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(addresses(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), None);
    }

    #[test]
    fn binary_headers_are_read_with_their_additional_fields() {
        let mut header = SIGNATURE.to_vec();
        header.extend([0x21, 0x11, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 0, 10, 4, 0, 0]);
        let (ends, left) = read_all(&[&header[..], b"rest"].concat());
        let (source, _) = ends.expect("a header").expect("addresses");
        assert_eq!((source.to_string(), left), ("1.2.3.4:9".into(), 4));
        let local = [&SIGNATURE[..], &[0x20, 0, 0, 0]].concat();
        assert_eq!(addresses(&local), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 1.2.3.4 5.6.7.8 9\r\n",
            b"PROXY TCP4 ::1 ::1 9 10\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 +9 10\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 9 99999\r\n",
            b"PROXY TCP4  1.2.3.4 5.6.7.8 9 10\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02ab",
        ] {
            assert!(read_all(bytes).0.is_err(), "{bytes:?}");
        }
        let endless = [&b"PROXY "[..], &[b'x'; 200]].concat();
        assert!(read_all(&endless).0.is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_all(&bytes);
            let _ = read_all(&[&SIGNATURE[..], &bytes].concat());
            let _ = read_all(&[b"PROXY ", &bytes[..]].concat());
        }
    }
}
