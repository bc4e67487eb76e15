//! How much work one chain may cost, whatever its zones say.

/// What is left.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    checks: u32,
    hashes: u32,
    questions: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            checks: 128,
            hashes: 20_000,
            questions: 64,
        }
    }
}

impl Budget {
    /// One check of a signature; false when none is left.
    pub(super) fn check(&mut self) -> bool {
        spend(&mut self.checks, 1)
    }

    /// So many digests of a name; false when they are not left (CVE-2023-50868).
    pub(super) fn hash(&mut self, count: u32) -> bool {
        spend(&mut self.hashes, count)
    }

    /// One question to a server; false when none is left.
    pub(super) fn question(&mut self) -> bool {
        spend(&mut self.questions, 1)
    }

    /// Checks that were made.
    pub(super) fn checked(&self) -> u32 {
        Budget::default().checks - self.checks
    }

    /// Questions that were put.
    pub(super) fn asked(&self) -> u32 {
        Budget::default().questions - self.questions
    }
}

fn spend(left: &mut u32, cost: u32) -> bool {
    match left.checked_sub(cost) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
