//! Numbers as text, without allocation.

/// Appends a number in decimal.
#[inline]
pub(crate) fn write(number: u64, output: &mut Vec<u8>) {
    match number {
        0..10 => output.push(b'0' + number as u8),
        10..1000 => {
            let (digits, len) = THREE[number as usize];
            output.extend_from_slice(&digits[..usize::from(len)]);
        }
        _ => write_long(number, output),
    }
}

fn write_long(mut number: u64, output: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while number != 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    output.extend_from_slice(&digits[at..]);
}

/// Appends bytes in decimal with dots between them, as an IPv4 address is written.
pub(crate) fn write_dotted(bytes: [u8; 4], output: &mut Vec<u8>) {
    let mut text = [0; 16];
    let mut at = 0;
    for byte in bytes {
        let (digits, len) = THREE[usize::from(byte)];
        // Three digits at most and a dot: four times four bytes.
        text[at..at + 3].copy_from_slice(&digits);
        at += usize::from(len);
        text[at] = b'.';
        at += 1;
    }
    output.extend_from_slice(&text[..at - 1]);
}

/// The numbers of up to three digits: the digits from the left, and how many.
const THREE: [([u8; 3], u8); 1000] = {
    let mut table = [([b'0'; 3], 1); 1000];
    let mut number = 0;
    while number < table.len() {
        let [hundreds, tens, ones] = [
            b'0' + (number / 100) as u8,
            b'0' + (number / 10 % 10) as u8,
            b'0' + (number % 10) as u8,
        ];
        table[number] = match number {
            0..10 => ([ones, b'0', b'0'], 1),
            10..100 => ([tens, ones, b'0'], 2),
            _ => ([hundreds, tens, ones], 3),
        };
        number += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    #[test]
    fn every_magnitude_is_written() {
        for number in (0..2_000).chain([12_345, 1_000_000, u64::MAX]) {
            let mut output = Vec::new();
            super::write(number, &mut output);
            assert_eq!(output, number.to_string().into_bytes());
        }
    }

    #[test]
    fn addresses_have_dots() {
        for bytes in [[0; 4], [255; 4], [127, 0, 0, 1], [10, 99, 100, 9]] {
            let mut output = Vec::new();
            super::write_dotted(bytes, &mut output);
            assert_eq!(output, std::net::Ipv4Addr::from(bytes).to_string().into_bytes());
        }
    }
}
