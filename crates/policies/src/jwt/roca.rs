//! Keys of a faulty generator (CVE-2017-15361, "ROCA").
//!
//! The primes that it made are congruent to a power of 65537 modulo each of the first small
//! primes, and so is their product, the modulus. A sound modulus passes all these tests with a
//! probability below 2^-100. Source: Nemec, Sýs, Švenda, Klinec, Matyáš, "The Return of
//! Coppersmith's Attack", section 2.3.

/// Whether a modulus, big-endian, bears the generator's mark.
pub(super) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_generator(rest: u32, prime: u32) -> bool {
    let generator = 65537 % prime;
    let mut power = 1;
    loop {
        if power == rest {
            return true;
        }
        power = power * generator % prime;
        if power == 1 {
            return false;
        }
    }
}

const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_the_generator_bear_the_mark() {
        assert!(is_vulnerable(&[1]));
        assert!(is_vulnerable(&[1, 0, 1]));
        assert!(is_vulnerable(&[1, 0, 2, 0, 1]));
        assert!(!is_vulnerable(&[1, 0, 3]));
        assert!(!is_vulnerable(&[]));
    }
}
