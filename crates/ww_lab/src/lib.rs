//! Network-namespace topologies with a labelled, faulty link: labs for users, oracles for tests.
