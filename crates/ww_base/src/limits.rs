//! Bounds on everything that comes from outside.

/// Named bounds; crossing one is reported as a [`Gap`](crate::Gap) or a
/// [`Problem`](crate::Problem), never met with more memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads that read a capture: with two or more, one reads and another looks at the frames.
    pub threads: u32,
    /// Longest single frame of a capture, in bytes; longer lengths mean a damaged file.
    pub frame_bytes: u32,
    /// Longest pcapng block that is kept in memory, in bytes; longer ones are skipped.
    pub block_bytes: u32,
    /// Interfaces described in one capture.
    pub interfaces: u32,
    /// Comments and resolved names kept from one capture.
    pub notes: u32,
    /// Bytes a compressed capture may expand to, as a multiple of the compressed bytes read so
    /// far, once more than 64 MiB have come out.
    pub expansion_ratio: u64,
    /// Connections and datagram flows held at once; beyond it an eighth of them is dropped, those
    /// that carried no data first, then the longest idle.
    pub flows: u32,
    /// Walks of one watch whose outcomes are remembered in order.
    pub watched_walks: u32,
    /// Unacknowledged segments remembered in one direction of one connection.
    pub segments_per_direction: u32,
    /// Unacknowledged segments remembered over all connections.
    pub segments: u32,
    /// Sequence ranges not seen yet, per direction.
    pub holes_per_direction: u32,
    /// Incomplete fragmented datagrams held at once.
    pub fragment_sets: u32,
    /// Bytes held in incomplete fragmented datagrams.
    pub fragment_bytes: u32,
    /// ICMP errors, claims to link addresses, hop-limit probes and loops kept, each.
    pub network_events: u32,
    /// Tunnels unpacked inside one frame.
    pub tunnel_depth: u32,
    /// DNS questions waiting for an answer.
    pub dns_pending: u32,
    /// DNS transactions kept for judgement after they ended.
    pub dns_transactions: u32,
    /// Frame numbers kept per symptom of one connection.
    pub frames_per_symptom: u32,
    /// Bytes read of one text; what follows is not.
    pub text_bytes: u32,
    /// Problems told of one text; further ones are counted only.
    pub problems_per_text: u32,
    /// Rules read from one text.
    pub filter_rules: u32,
    /// Entries of named sets read from one text.
    pub set_entries: u32,
    /// Files that include one another in a row.
    pub include_depth: u32,
    /// Files of one rule set.
    pub included_files: u32,
    /// Expressions inside one another in a rule set.
    pub expression_nesting: u32,
    /// Longest YAML or JSON text that is read, in bytes.
    pub document_bytes: u32,
    /// Collections inside one another in a YAML or JSON document.
    pub document_nesting: u32,
    /// Scalars and collections of one YAML or JSON document.
    pub document_nodes: u32,
    /// Rules tried for one packet on its walk through a rule set, over all ways it can go.
    pub rules_per_packet: u32,
    /// Exhibits shown per finding.
    pub exhibits_per_finding: u32,
    /// Findings printed per rule.
    pub findings_per_rule: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            threads: 2,
            frame_bytes: 16 << 20,
            block_bytes: 32 << 20,
            interfaces: 4096,
            notes: 10_000,
            expansion_ratio: 200,
            flows: 65_536,
            watched_walks: 100_000,
            segments_per_direction: 10_000,
            segments: 1_000_000,
            holes_per_direction: 128,
            fragment_sets: 1024,
            fragment_bytes: 8 << 20,
            network_events: 16_384,
            tunnel_depth: 8,
            dns_pending: 16_384,
            dns_transactions: 65_536,
            frames_per_symptom: 4,
            text_bytes: 512 << 20,
            problems_per_text: 1000,
            filter_rules: 1_000_000,
            set_entries: 4_000_000,
            include_depth: 16,
            included_files: 4096,
            expression_nesting: 64,
            document_bytes: 256 << 20,
            document_nesting: 100,
            document_nodes: 6_000_000,
            rules_per_packet: 1_000_000,
            exhibits_per_finding: 8,
            findings_per_rule: 50,
        }
    }
}
