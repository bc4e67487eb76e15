//! What does not work, as it shows itself.

use crate::control::words;

words! {
    /// Something that does not work, as it shows itself: before anybody knows why.
    Symptom {
        /// A name server does not answer over UDP.
        ServerSilent = "a name server is silent",
        /// A name server answers SERVFAIL.
        ServerFailure = "a name server answers SERVFAIL",
        /// A name server refuses.
        ServerRefuses = "a name server refuses",
        /// The name does not exist, says every resolver that was asked.
        NameNotFound = "the name is not found",
        /// The name has no address, says every resolver that was asked.
        NameWithoutAddress = "the name has no address",
        /// An answer is cut short over UDP, and TCP does not bring the rest.
        AnswerCutShort = "an answer of a name server is cut short",
        /// A name server answers late.
        ServerSlow = "a name server answers late",
        /// Name servers say different things.
        AnswersDiffer = "name servers say different things",
        /// A web server answers the questions that are put to a name server over HTTPS.
        NameServerIsWeb = "a web server answers for a name server",
        /// A server that a zone is delegated to does not serve it.
        DelegationLame = "a server of the zone does not serve it",
        /// A zone and its parent name different servers.
        DelegationsDiffer = "a zone and its parent name different servers",
        /// The search list makes another name of the target's.
        NameExpanded = "a suffix of the search list answers",
        /// The DNSSEC chain does not hold, whatever the resolver makes of it.
        ChainBroken = "the chain of signatures does not hold",
        /// Signatures end soon.
        ChainEnding = "signatures end soon",
        /// An HTTPS record does not have its form.
        BindingMalformed = "an HTTPS record cannot be used",
        /// An HTTPS record leads where the service is not.
        BindingAstray = "an HTTPS record leads astray",
        /// An HTTPS record gives a name an address that it does not have.
        HintAstray = "a hint names another address",

        /// Nothing answers the SYN.
        ConnectSilent = "nothing answers the SYN",
        /// A reset answers the SYN.
        ConnectReset = "a reset answers the SYN",
        /// Somebody says by ICMP that it is forbidden, or that a TCP port is unreachable.
        ConnectRejected = "somebody says that it is forbidden",
        /// A router says by ICMP that there is no way, or no host.
        ConnectUnreachable = "a router says that there is no way",
        /// The neighbour on this host's link does not answer, this host has no route, or forbids it.
        ConnectNotSent = "this host cannot send it",
        /// This host has no address and port left to connect from.
        ConnectNoPort = "this host has no port for it",
        /// The connection opens after the SYN was repeated.
        ConnectLate = "the SYN had to be repeated",
        /// Some addresses of the target open, others do not.
        PartlyOpen = "some addresses open and others do not",

        /// Nothing answers the ClientHello.
        HelloSilent = "nothing answers the ClientHello",
        /// A reset answers the ClientHello.
        HelloReset = "a reset answers the ClientHello",
        /// The connection is closed at the ClientHello.
        HelloClosed = "the connection is closed at the ClientHello",
        /// An alert that tells of the name.
        AlertName = "the server alerts about the name",
        /// An alert that tells of the version.
        AlertVersion = "the server alerts about the version",
        /// An alert that tells of the protocols offered by ALPN.
        AlertProtocol = "the server alerts about ALPN",
        /// Another alert.
        AlertOther = "the server sends an alert",
        /// The handshake is completed, and none of the protocols that are needed is chosen.
        ProtocolIgnored = "the server chooses no protocol",
        /// The usual hello is answered, the large one is not.
        LargeHelloLost = "the large hello is not answered",
        /// The usual hello is answered, the same in two segments is not.
        SplitHelloLost = "the hello in two segments is not answered",
        /// A certificate of ours is asked for.
        CertificateDemanded = "a certificate of ours is asked for",
        /// Clear text answers the ClientHello.
        ClearTextAnswers = "clear text answers the ClientHello",
        /// The certificate has expired.
        CertificateExpired = "the certificate has expired",
        /// The certificate is not valid yet.
        CertificateEarly = "the certificate is not valid yet",
        /// The certificate expires soon.
        CertificateEnding = "the certificate expires soon",
        /// The certificate is for other names.
        CertificateOfOther = "the certificate is for other names",
        /// A certificate that leads on is missing.
        CertificateAlone = "a certificate of the chain is missing",
        /// The certificates lead to no root that is trusted.
        CertificateUntrusted = "the certificates lead to no trusted root",
        /// The certificate's key or signature is weak.
        CertificateWeak = "the certificate is weak",
        /// Addresses show different certificates.
        CertificatesDiffer = "addresses show different certificates",
        /// Obsolete versions are accepted.
        ObsoleteVersion = "an obsolete version is accepted",
        /// Weak suites are accepted.
        WeakSuite = "a weak suite is accepted",

        /// Nothing answers the request.
        RequestSilent = "nothing answers the request",
        /// The connection ends in place of an answer.
        RequestEnded = "the connection ends at the request",
        /// What answers is not what was to be spoken.
        AnswerStrange = "what answers is not HTTP",
        /// The answer breaks its protocol.
        AnswerBroken = "the answer cannot be read",
        /// A server error, signed by a proxy or by the application.
        ServerError = "a server error is answered",
        /// A proxy says that it waited in vain.
        GatewayTimeout = "a proxy waited in vain",
        /// The body ends early.
        BodyCut = "the body ends early",
        /// The answer comes late, on a connection that opened fast.
        AnswerLate = "the answer comes late",
        /// Redirects lead in a circle.
        RedirectsCircle = "redirects lead in a circle",
        /// A redirect leads where nobody answers.
        RedirectsNowhere = "a redirect leads nowhere",
        /// A cache may not keep the answer.
        NotCacheable = "a cache may not keep the answer",
        /// No Strict-Transport-Security is sent where clear text redirects to TLS.
        TransportPolicyMissing = "no Strict-Transport-Security is sent",
        /// A Strict-Transport-Security is sent that browsers ignore.
        TransportPolicyIgnored = "Strict-Transport-Security is sent in vain",
        /// A body is not coded as it says.
        CodingBroken = "a body is not coded as it says",
        /// A long text comes without compression.
        CodingMissing = "a long text is not compressed",
        /// An answer that is compressed for some says nothing of it to caches.
        VaryMissing = "Vary does not name what the answer depends on",
        /// The server's clock and this host's tell different times.
        ClocksDiffer = "the clocks tell different times",
        /// Events come in bursts.
        EventsInBursts = "events come in bursts",
        /// HTTP/3 is promised and does not come about.
        Http3Fails = "HTTP/3 is promised and fails",

        /// A protocol's greeting does not come.
        GreetingMissing = "the greeting does not come",
        /// A server refuses in its protocol's words.
        GreetingRefused = "the server refuses in its own words",
        /// Passwords may be sent in clear text, and TLS is not offered.
        PasswordsInClear = "passwords are taken in clear text",
        /// The health service says that it does not serve.
        GrpcUnhealthy = "gRPC health is not serving",
        /// The method or service is not known.
        GrpcUnknown = "gRPC does not know the service",
        /// The upgrade is answered with something else than 101.
        UpgradeRefused = "the upgrade is refused",
        /// Some of many trials fail.
        TrialsFail = "some of many trials fail",
        /// An idle connection is ended by the other side.
        IdleEnded = "an idle connection is ended",
        /// An idle connection is dead, and nobody says so.
        IdleForgotten = "an idle connection is forgotten",
    }
}
