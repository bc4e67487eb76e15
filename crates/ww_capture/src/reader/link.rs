//! What a frame begins with: the link types of the capture formats.

use std::fmt;

/// The link-layer header type of an interface, as numbered by the LINKTYPE registry
/// (`draft-ietf-opsawg-pcaplinktype`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// Declares the known link types once: constant, number, name.
macro_rules! link_types {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $constant: LinkType = LinkType($number);)*

            /// The name of the type in the registry, `None` for one that is not known here.
            pub fn known_name(self) -> Option<&'static str> {
                match self {
                    $(LinkType::$constant => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: four bytes of address family in the byte order of the capturing host, then
    /// the packet.
    NULL = 0, "NULL";
    /// IEEE 802.3 Ethernet.
    ETHERNET = 1, "ETHERNET";
    /// IEEE 802.5 Token Ring.
    TOKEN_RING = 6, "IEEE802_5";
    /// Serial Line IP.
    SLIP = 8, "SLIP";
    /// Point-to-Point Protocol, with or without HDLC-like framing (RFC 1662).
    PPP = 9, "PPP";
    /// Fibre Distributed Data Interface.
    FDDI = 10, "FDDI";
    /// Raw IPv4 or IPv6 as some systems number it; see [`LinkType::is_raw_ip`].
    RAW_12 = 12, "RAW";
    /// Raw IPv4 or IPv6 as `OpenBSD` numbers it; see [`LinkType::is_raw_ip`].
    RAW_14 = 14, "RAW";
    /// PPP in HDLC-like framing with address and control bytes (RFC 1662).
    PPP_HDLC = 50, "PPP_HDLC";
    /// A `PPPoE` session packet without its Ethernet header (RFC 2516).
    PPP_ETHER = 51, "PPP_ETHER";
    /// LLC/SNAP-encapsulated ATM (RFC 2684).
    ATM_RFC1483 = 100, "ATM_RFC1483";
    /// Raw IPv4 or IPv6: the packet begins with its IP header.
    RAW = 101, "RAW";
    /// Cisco PPP with HDLC framing (RFC 1547 section 4.3.1).
    C_HDLC = 104, "C_HDLC";
    /// IEEE 802.11 without radio information.
    IEEE802_11 = 105, "IEEE802_11";
    /// Frame Relay.
    FRELAY = 107, "FRELAY";
    /// OpenBSD loopback: four bytes of address family in network byte order, then the packet.
    LOOP = 108, "LOOP";
    /// Linux cooked capture, version 1.
    LINUX_SLL = 113, "LINUX_SLL";
    /// IEEE 802.11 behind a Prism header.
    IEEE802_11_PRISM = 119, "IEEE802_11_PRISM";
    /// IEEE 802.11 behind a radiotap header.
    RADIOTAP = 127, "IEEE802_11_RADIOTAP";
    /// USB as Linux monitors it, short header.
    USB_LINUX = 189, "USB_LINUX";
    /// Per-Packet Information, then a frame of the type it names.
    PPI = 192, "PPI";
    /// USB as Linux monitors it, padded header.
    USB_LINUX_MMAPPED = 220, "USB_LINUX_MMAPPED";
    /// Raw IPv4.
    IPV4 = 228, "IPV4";
    /// Raw IPv6.
    IPV6 = 229, "IPV6";
    /// D-Bus messages.
    DBUS = 231, "DBUS";
    /// Linux netfilter log messages.
    NFLOG = 239, "NFLOG";
    /// USB as the Windows capture driver writes it.
    USBPCAP = 249, "USBPCAP";
    /// Upper-layer protocol data exported by Wireshark.
    WIRESHARK_UPPER_PDU = 252, "WIRESHARK_UPPER_PDU";
    /// Linux netlink messages behind a cooked header.
    NETLINK = 253, "NETLINK";
    /// High-speed serial bus events.
    EBHSCR = 279, "EBHSCR";
    /// Linux cooked capture, version 2.
    LINUX_SLL2 = 276, "LINUX_SLL2";
}

impl LinkType {
    /// Whether the frame is an IP packet of the version its first four bits tell: the registered
    /// number and the two others in use.
    pub fn is_raw_ip(self) -> bool {
        matches!(self, LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14)
    }

    /// The longest frame that Wireshark accepts on such a link, in bytes; a longer one means a
    /// damaged file.
    pub(super) fn longest_frame(self) -> u32 {
        match self {
            LinkType::DBUS | LinkType::USBPCAP => 128 << 20,
            LinkType::EBHSCR => 32 << 20,
            _ => 256 << 10,
        }
    }

    /// The name of the type, or its number.
    pub fn name(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "LINKTYPE {}", self.0),
        }
    }
}
