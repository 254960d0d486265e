//! Numbers as text, without allocation.

/// Appends a number in decimal.
pub(crate) fn write(mut number: u64, output: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    output.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_magnitude_is_written() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::MAX] {
            let mut output = Vec::new();
            super::write(number, &mut output);
            assert_eq!(output, number.to_string().into_bytes());
        }
    }
}
