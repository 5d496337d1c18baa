// Every decoder that reads what a stranger wrote, each with valid input to begin from and, where form and meaning are two
// things, a way to change the meaning alone. A target may refuse its input in the ways its callers expect and in no other;
// what it returns tells inputs apart that took different ways.
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Browse;
using TinyTorrent.Catalogue;
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Bencode;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Fuzz;

/// <param name="Corpus">Valid inputs.</param>
/// <param name="Restate">Damages what an input means and leaves its form as it is; null, as its result is for input without that form.</param>
/// <param name="Decode">Throws if the decoder is at fault. The result is equal for inputs that fared alike.</param>
sealed record FuzzTarget(string Name, byte[][] Corpus, Func<byte[], object> Decode, Func<byte[], Random, byte[]?>? Restate = null)
{
    public override string ToString() => Name;
}

static class FuzzTargets
{
    static readonly InfoHash s_hash = new("aaaaaaaaaabbbbbbbbbb"u8);

    static readonly byte[] s_torrent = MetainfoBuilder.Build(
        new MetainfoOptions { Name = "n", Trackers = [["http://t/announce"], ["udp://t:1"]], WebSeeds = ["http://w/"], Comment = "c", Source = "s", IsPrivate = true },
        [("a/b", 20_000), ("c", 0), ("d", 30_000)], 16384, new byte[80]);

    static readonly TrustedProxies s_proxies = TrustedProxies.Parse(["10.0.0.0/8"]);

    /// <summary>Names that must be mapped, and files that come to have one path.</summary>
    static readonly byte[] s_oddTorrent = MetainfoBuilder.Build(
        new MetainfoOptions { Name = "n\u200e" }, [("a", 1), ("a/b", 20_000), ("a\u0001", 1), ("a\u0002", 0), ("a_", 1), ("a_", 1), ("//c", 1), (new string('l', 300), 30_000)],
        16384, new byte[80]);

    static readonly TrackerService s_tracker = new(new TrackerOptions(), new byte[SipHash.KeySize]);

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("bencode", [s_torrent, "d1:ali-5e0:e1:bd1:cleee"u8.ToArray(), "d1:ai-0e01:bi007e1:ai1.5e1:aiee"u8.ToArray()], Bencode, TreeMutation.Of),
        new("metainfo", [s_torrent, s_oddTorrent, [.. s_torrent, .. "\r\n<!-- -->"u8]], Metainfo, TreeMutation.Of),
        new("magnet", [Encoding.UTF8.GetBytes($"magnet:?xt=urn:btih:{s_hash}&dn=a%C5%BE&tr=http%3A%2F%2Ft&ws=http://s&x.pe=[::1]:6881&so=1-2,4")], MagnetLink),
        new("handshake", [Hello()], input => (Handshake.TryRead(input, out Handshake read), read.SupportsFast, read.SupportsExtensions)),
        new("peer-stream", [PeerStream(1), PeerStream(2), Rejection(), Withdrawal()], Peer, FrameMutation.Of),
        new("extended-handshake", ["d1:md6:ut_pexi1e11:ut_metadatai3ee1:pi6881e4:reqqi500e11:upload_onlyi1e1:v11:tinytorrente"u8.ToArray()], Extended, TreeMutation.Of),
        new("http-request", [Text("GET /announce?info_hash=%01&port=1 HTTP/1.1\r\nHost: t:1\r\nConnection: close\r\n\r\n"),
            Text("POST /catalogue HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\nAuthorization: Bearer x\r\n\r\nhello")], Request),
        new("http-announce", [Text($"info_hash=%61aaaaaaaaabbbbbbbbbb&peer_id=-TT0100-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3&event=started&compact=1&numwant=50&key=ab&ip=10.0.0.1")], Query),
        new("http-reply", [Text("d8:completei7e11:external ip4:\u0001\u0002\u0003\u00048:intervali1800e5:peersld2:ip8:10.0.0.14:porti6881eee10:tracker id2:xye"),
            Text("d8:intervali1800e5:peers6:\u0001\u0002\u0003\u0004\u0005\u00066:peers618:\u0020\u0001\u000d\u00b8\0\0\0\0\0\0\0\0\0\0\0\u0001\0\u0050e"),
            Text("d5:filesd20:aaaaaaaaaabbbbbbbbbbd8:completei1e10:downloadedi2e10:incompletei3eeee"), Text("d14:failure reason2:no8:retry in5:nevere")], Reply, TreeMutation.Of),
        new("udp-request", [UdpAnnounce(), UdpScrape()], UdpRequestPacket),
        new("udp-reply", [Reply(1, 20 + 18), Reply(2, 8 + 24), Reply(3, 8 + 5), Reply(0, 16)], UdpReplyPacket),
        new("proxy-header", [Text("PROXY TCP4 192.0.2.1 198.51.100.1 40000 6969\r\nGET /"), ProxyHeaderTests.Binary("192.0.2.1", more: 4), ProxyHeaderTests.Binary("2001:db8::1"), ProxyHeaderTests.Binary(null, command: 0, family: 0)], Introduction),
        new("forwarded", [Text("\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1:80"), Text("\r\nHost: t\r\nForwarded: by=x;for=\"[2001:db8::1]:1\", for=10.0.0.1")], Forwarded),
        new("resume-file", [ResumeBody()], Resume, TreeMutation.Of),
        new("catalogue-note", [EntryNote.Write(new CatalogueEntry(MetainfoFile.Parse(s_torrent), 5, default))], Note, TreeMutation.Of),
        new("catalogue-upload", [s_torrent], body => Upload(body, isBody: true), TreeMutation.Of),
        new("catalogue-http", [[.. Head("POST /catalogue", s_torrent.Length), .. s_torrent], Head($"DELETE /catalogue/{s_hash}", 0), Head($"GET /torrents/{s_hash}.torrent", 0)], input => Upload(input, isBody: false)),
        new("swarm-file", [[.. SwarmRecord(4, 2, 1), .. SwarmRecord(6, 1, 0)]], Swarms),
        new("catalogue-answer", [Text($$$"""{"now":5,"pages":1,"total":1,"entries":[{"info_hash":"{{{s_hash}}}","name":"n","size":3,"file_count":1,"kind":"audio","comment":"c\u00e9","published":4,"seeders":1,"leechers":2}]}""")], Listed),
        new("inflate", [Deflated(stream => new GZipStream(stream, CompressionLevel.Fastest)), Deflated(stream => new ZLibStream(stream, CompressionLevel.Fastest))], Inflated),
        new("range", [Text("bytes=10-19"), Text("bytes=-5"), Text("bytes=90-")], Range),
        new("catalogue-query", [Text("q=a+b%20c&kind=video&page=2&sort=name")], input => CatalogueQuery.TryRead(input, out _, out string problem) + problem),
    ];

    static byte[] Text(string text) => Encoding.Latin1.GetBytes(text);

    static object Bencode(byte[] input)
    {
        if (!BencodeValue.TryParse(input, out BencodeValue root, out BencodeError error)) return error.Reason ?? "";
        return root.Kind;
    }

    static object Metainfo(byte[] input)
    {
        if (!MetainfoFile.TryParse(input, out MetainfoFile? read, out string? problem)) return Shape(problem!);
        CheckFiles(read);
        return read.Files.Files.Count;
    }

    /// <summary>What everybody behind the parser relies on.</summary>
    static void CheckFiles(MetainfoFile read)
    {
        long end = 0;
        HashSet<string> paths = [], originals = [];
        foreach (FileEntry file in read.Files.Files)
        {
            if (file.Offset != end || file.Length < 0 || file.Length > read.Geometry.TotalLength - end) throw new InvalidOperationException("the files do not lie end to end");
            end += file.Length;
            if (file.IsPadding) continue;
            if (file.OriginalPath is { } original && (!originals.Add(original) || original.Count('/') != file.Path.Count('/') || original.Split('/').Any(part => part is "" or "." or ".." || part.Contains('\0'))))
                throw new InvalidOperationException("an original path that leads elsewhere, or to another file");
            if (!paths.Add(file.Path)) throw new InvalidOperationException("two files have one path");
            if (file.Path.Split('/').Any(part => part is "" or "." or ".." || part.AsSpan().IndexOfAnyInRange('\0', '\x1f') >= 0))
                throw new InvalidOperationException("a path that leads elsewhere");
        }
        if (end != read.Geometry.TotalLength || read.HashOf(read.Geometry.PieceCount - 1).Length != Sha1.Size) throw new InvalidOperationException("lengths, pieces and hashes do not fit together");
    }

    /// <summary>As it arrives at a tracker: through the connection, the routes and the catalogue. What the answer says has happened, and nothing else has.</summary>
    static object Upload(byte[] input, bool isBody)
    {
        var keeper = new CatalogueKeeper(new CatalogueLimits(), null, new CatalogueSwarms(_ => true, _ => default), TimeSpan.Zero, _ => { });
        var routes = new CatalogueRoutes(keeper, default, isOpen: true, []);
        const int memory = 32 << 20;
        var shared = new HttpMemory(memory);
        var session = new HttpSession(new TrackerRoutes(s_tracker, new Clock(), routes).Answer, shared);
        session.Begin(PeerAddress.From([10, 0, 0, 1]));
        byte[] stream = isBody ? [.. Head("POST /catalogue", input.Length), .. input] : input;
        var statuses = new List<string>();
        using var answers = new MemoryStream();
        bool goesOn = true;
        for (int at = 0; goesOn && at < stream.Length;)
        {
            Span<byte> room = session.ReceiveBuffer.Span;
            int count = Math.Min(room.Length, Math.Min(1 + at % 700, stream.Length - at));
            stream.AsSpan(at, count).CopyTo(room);
            at += count;
            session.Received(count);
            do
            {
                goesOn = session.Answer(out ReadOnlyMemory<byte> output);
                if (output.IsEmpty) break;
                answers.Write(output.Span); // an answer may come in portions
                session.Sent();
            }
            while (goesOn);
        }
        session.End();
        for (ReadOnlySpan<byte> rest = answers.ToArray(); rest.Length > 0;) rest = rest[AnswerLength(rest, statuses)..];
        if (shared.Taken > 0) throw new InvalidOperationException("memory was not given back");
        if (keeper.Store.Count != statuses.Count(status => status == "201")) throw new InvalidOperationException($"{keeper.Store.Count} entries after {string.Join(' ', statuses)}");
        if (isBody && statuses is not ["201" or "400"]) throw new InvalidOperationException($"an upload was answered with {string.Join(' ', statuses)}");
        return string.Join(' ', statuses);
    }

    static byte[] Head(string what, int length) => Text($"{what} HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\nAuthorization: Bearer x\r\n\r\n");

    /// <summary>Bytes of the answer that output begins with; it must be one.</summary>
    static int AnswerLength(ReadOnlySpan<byte> output, List<string> statuses)
    {
        int split = output.IndexOf("\r\n\r\n"u8);
        string head = Encoding.ASCII.GetString(output[..split]);
        if (!head.StartsWith("HTTP/1.1 ", StringComparison.Ordinal)) throw new InvalidOperationException("what was answered is no HTTP: " + head);
        statuses.Add(head["HTTP/1.1 ".Length..][..3]);
        int length = head.Split("\r\n").Where(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal)).Select(line => int.Parse(line["Content-Length: ".Length..], null)).SingleOrDefault();
        ReadOnlySpan<byte> body = output.Slice(split + 4, length);
        if (head.Contains("application/json", StringComparison.Ordinal)) System.Text.Json.JsonDocument.Parse(body.ToArray()).Dispose();
        return split + 4 + length;
    }

    static object MagnetLink(byte[] input)
    {
        try { return Magnet.Parse(Encoding.UTF8.GetString(input)).Trackers.Count; }
        catch (FormatException e) { return Shape(e.Message); }
    }

    static object Extended(byte[] input) => ExtendedHandshake.TryRead(input, out ExtendedHandshake read) ? read.ListenPort > 0 : "refused";

    static object Request(byte[] input)
    {
        int status = HttpRequest.TryRead(input, PeerAddress.From([1, 2, 3, 4]), out HttpRequest request, out int consumed);
        if (consumed < 0 || consumed > input.Length) throw new InvalidOperationException("more was consumed than there is");
        return (status, status == 200 && request.BodyLength > 0);
    }

    static object Query(byte[] input)
    {
        Span<InfoHash> names = stackalloc InfoHash[64];
        bool scraped = HttpTrackerCodec.TryReadScrape(input, names, out int count, out _);
        bool announced = HttpTrackerCodec.TryReadAnnounce(input, out _, out ReadOnlySpan<byte> failure);
        return (scraped, count, announced, Encoding.Latin1.GetString(failure));
    }

    static object Reply(byte[] input)
    {
        TrackerReply announce = HttpReply.ReadAnnounce(200, input), scrape = HttpReply.ReadScrape(200, input, s_hash);
        return (announce.Failure, announce.Peers.Count, scrape.Failure);
    }

    static object UdpRequestPacket(byte[] input)
    {
        if (!UdpCodec.TryReadRequest(input, out UdpRequest request)) return false;
        Span<byte> url = stackalloc byte[UdpCodec.MaxPacketSize];
        return (request.Action, UdpCodec.TryReadUrlData(request.Options, url, out int length), length > 0);
    }

    static object Introduction(byte[] input)
    {
        OperationStatus status = ProxyHeader.TryRead(input, out PeerAddress client, out int length);
        if (length < 0 || length > input.Length || (status != OperationStatus.Done && length > 0)) throw new InvalidOperationException("more was taken than there is");
        return (status, length > 0, client.Bytes.Length);
    }

    static object Forwarded(byte[] input)
    {
        PeerAddress client = s_proxies.ClientOf(PeerAddress.From([10, 0, 0, 1]), input);
        return client.IsNone ? throw new InvalidOperationException("a request comes from nowhere") : (client.Bytes.Length, s_proxies.Contains(client));
    }

    static object UdpReplyPacket(byte[] input) => UdpCodec.TryReadReply(input, out UdpReply reply) ? reply.Action : "refused";

    static object Note(byte[] input) =>
        (EntryNote.TryRead(input, MetainfoFile.Parse(s_torrent), out CatalogueEntry? entry) && entry.Unseeded >= TimeSpan.Zero,
        EntryNote.TryRead(input, default(InfoHash), out CatalogueEntry? described) && described is { Name.Length: > 0, Size: > 0, TorrentSize: > 0 });

    /// <summary>The body, signed again: a wrong checksum would keep all others from being read.</summary>
    static object Resume(byte[] body)
    {
        using var folder = new TemporaryFolder();
        Span<byte> sum = stackalloc byte[Sha1.Size];
        Sha1.Hash(body, sum);
        File.WriteAllBytes(folder["resume"], [.. "d4:body"u8, .. body, .. "3:sum20:"u8, .. sum, (byte)'e']);
        MetainfoFile metainfo = MetainfoFile.Parse(s_torrent);
        using var store = new PieceStore(metainfo.Files, folder["out"]);
        ResumeState? state = new ResumeFile(folder["resume"], metainfo.InfoHash, metainfo.Geometry, store).Load(out string? reason);
        if (state is { Pieces.IsEmpty: false } or { Begun.Count: > 0 }) throw new InvalidOperationException("pieces were believed of files that are absent");
        return reason is null ? "read" : Shape(reason);
    }

    static byte[] ResumeBody()
    {
        using var folder = new TemporaryFolder();
        MetainfoFile metainfo = MetainfoFile.Parse(s_torrent);
        using var store = new PieceStore(metainfo.Files, folder["out"]);
        var resume = new ResumeFile(folder["resume"], metainfo.InfoHash, metainfo.Geometry, store);
        resume.Save(new ResumeState(new Bitfield(metainfo.Geometry.PieceCount), [(1, new Bitfield(metainfo.Geometry.BlocksIn(1)))]), store.Stamps());
        byte[] file = File.ReadAllBytes(folder["resume"]);
        return file["d4:body".Length..^("3:sum20:".Length + Sha1.Size + 1)];
    }

    /// <summary>Records as a block of a file whose checks are right: others are read no further.</summary>
    static object Swarms(byte[] records)
    {
        using var folder = new TemporaryFolder();
        byte[] head = new byte[SwarmSnapshot.HeaderSize + SwarmSnapshot.LengthSize], check = new byte[SwarmSnapshot.CheckSize], end = new byte[SwarmSnapshot.LengthSize + SwarmSnapshot.CheckSize];
        SwarmSnapshot.WriteHeader(head, new SnapshotHeader(0, TimeSpan.FromSeconds(10)));
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(SwarmSnapshot.HeaderSize), records.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(check, SwarmSnapshot.Check(0, 0, records));
        BinaryPrimitives.WriteUInt64LittleEndian(end.AsSpan(SwarmSnapshot.LengthSize), SwarmSnapshot.Check(0, 1, default));
        File.WriteAllBytes(folder["swarms"], [.. head, .. records, .. check, .. end]);
        using var store = new SwarmStore(TimeSpan.FromHours(1), new byte[SipHash.KeySize]);
        var file = new SwarmFile(folder.Path);
        if (file.Load(store, TimeSpan.Zero, DateTimeOffset.UnixEpoch, out string? warning) is { IsOk: false } fault) throw new InvalidOperationException(fault.ToString());
        (long four, long six) = store.Peers;
        file.Save(store, () => TimeSpan.Zero, DateTimeOffset.UnixEpoch);
        using var again = new SwarmStore(TimeSpan.FromHours(1), new byte[SipHash.KeySize]);
        file.Load(again, TimeSpan.Zero, DateTimeOffset.UnixEpoch, out string? own);
        if (own is not null || again.Peers != (four, six)) throw new InvalidOperationException($"{own}: {(four, six)} peers were saved as {again.Peers}");
        return (Math.Min(four, 3), Math.Min(six, 3), Shape(warning?[(folder.Path.Length + 1)..] ?? ""));
    }

    static byte[] SwarmRecord(byte family, byte peers, byte seeds) =>
        [family, .. s_hash.Bytes, 1, 0, 0, 0, peers, 0, seeds, 0, .. Enumerable.Range(1, peers * (family == 4 ? CompactPeers.Size4 : CompactPeers.Size6)).Select(b => (byte)b), .. new byte[peers]];

    static object Listed(byte[] input)
    {
        if (!ListedPage.TryRead(input, out ListedPage? page, out string problem)) return Shape(problem);
        if (page.Entries.Any(entry => entry.Size < 0 || entry.Seeders < 0 || entry.Leechers < 0)) throw new InvalidOperationException("less than nothing is listed");
        return page.Entries.Count;
    }

    static byte[] Deflated(Func<Stream, Stream> deflater)
    {
        var packed = new MemoryStream();
        using (Stream stream = deflater(packed)) stream.Write(s_torrent);
        return packed.ToArray();
    }

    static object Inflated(byte[] input)
    {
        string[] fared = new string[2];
        for (int i = 0; i < fared.Length; i++)
        {
            try { fared[i] = HttpBody.Inflate(input, i == 0 ? "gzip" : "deflate").Length switch { > HttpBody.MaxSize => throw new InvalidOperationException("too much came out"), 0 => "nothing", _ => "something" }; }
            catch (InvalidDataException e) { fared[i] = Shape(e.Message); }
        }
        return (fared[0], fared[1]);
    }

    static object Range(byte[] input)
    {
        const int size = 100;
        bool fits = ByteRange.TryRead(Encoding.Latin1.GetString(input), size, out ByteRange range, out bool isPartial);
        if (fits && (range.From < 0 || range.Length <= 0 || range.Length > size - range.From)) throw new InvalidOperationException($"{range} of {size}");
        return (fits, isPartial);
    }

    /// <summary>A whole torrent behind the session: what a message means is as much a matter of trust as how it is written.</summary>
    static object Peer(byte[] input)
    {
        var geometry = new Geometry(5 * 32768 - 100, 32768);
        var picker = new PiecePicker(geometry, new Random(1));
        picker.MarkHave(2);
        var asked = new HashSet<long>();
        var said = new Dictionary<MessageId, int>();
        var torrent = new Torrent(s_hash, geometry, picker, new NoDisk(geometry.TotalLength, asked), new PeerId("-TT0100-abcdefghijkl"u8), 0, new Random(1));
        var session = new PeerSession((PeerSession s, in Handshake h) => torrent.Admit(s, h, new(System.Net.IPAddress.Loopback, 1), dialled: false, default));
        int reads = 0;
        for (int at = 0; at < input.Length; reads++)
        {
            Memory<byte> buffer = session.ReceiveBuffer;
            int count = Math.Min(buffer.Length, Math.Min(1 + at % 700, input.Length - at));
            input.AsSpan(at, count).CopyTo(buffer.Span);
            at += count;
            bool alive = session.Received(count, TimeSpan.FromSeconds(reads));
            if (session.HasBlocks) session.StoreBlocks();
            while (session.Take() > 0)
                for (ReadOnlyMemory<byte> output; (output = session.TakeOutput()).Length > 0;)
                {
                    Listen(output.Span);
                    session.Sent(output.Length, TimeSpan.FromSeconds(reads));
                }
            if (!alive) break;
            picker.CheckInvariants();
        }
        picker.CheckInvariants();
        TorrentStats stats = torrent.Stats;
        var state = (picker.Outstanding, picker.PartialCount, picker.WrittenBlocks().Sum(w => w.Blocks.Count), picker.HasUnseen);
        session.Closed(TimeSpan.FromSeconds(reads));
        picker.CheckInvariants();
        if (stats.Wanted - stats.Left > 32768) throw new InvalidOperationException("a piece was believed that nobody verified");
        string heard = string.Join(' ', said.OrderBy(s => s.Key).Select(s => $"{s.Key}{Math.Min(s.Value, 4)}"));
        return (stats.Peers, stats.Uploaded > 0, stats.Downloaded > 0, state, heard);

        void Listen(ReadOnlySpan<byte> output)
        {
            if (said.Count == 0) output = output[Handshake.Size..];
            while (!output.IsEmpty)
            {
                PeerMessage.TryReadFrameLength(output, geometry.PieceCount, out int frame);
                PeerMessage message = PeerMessage.Read(output[..frame]);
                output = output[frame..];
                said[message.Id] = said.GetValueOrDefault(message.Id) + 1;
                if (message.Id == MessageId.Request) asked.Add(geometry.OffsetOf(message.Piece) + message.Begin);
            }
        }
    }

    /// <summary>Holds nothing, and is only asked for what there is.</summary>
    /// <param name="asked">Where the blocks begin that the peer was asked for: nothing else may be written.</param>
    sealed class NoDisk(long length, HashSet<long> asked) : IDisk
    {
        public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers)
        {
            long sum = 0;
            foreach (ReadOnlyMemory<byte> buffer in buffers)
            {
                if (!asked.Contains(offset + sum)) throw new InvalidOperationException($"what nobody asked for was written at {offset + sum}");
                sum += buffer.Length;
            }
            return Check(offset, sum);
        }

        public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers)
        {
            long sum = 0;
            foreach (Memory<byte> buffer in buffers) sum += buffer.Length;
            return Check(offset, sum);
        }

        bool Check(long offset, long sum) =>
            offset >= 0 && sum <= length - offset ? true : throw new InvalidOperationException($"the disk was asked for {sum} bytes at {offset} of {length}");

        public void Verify(int piece) { } // never answered
        public byte[]? HashBlocks(int piece) => null;
    }

    static byte[] Hello()
    {
        byte[] wire = new byte[Handshake.Size];
        new Handshake(s_hash, new PeerId("-XX0001-abcdefghijkl"u8), SupportsFast: true, SupportsExtensions: true).Write(wire);
        return wire;
    }

    static byte[] PeerStream(int kind)
    {
        using var stream = new MemoryStream();
        byte[] frame = new byte[300];
        void Send(int length) => stream.Write(frame, 0, length);
        stream.Write(Hello());
        Send(PeerMessage.Write(frame, MessageId.Extended, "\0d1:md6:ut_pexi1ee1:pi6881e4:reqqi500ee"u8));
        Send(kind == 1 ? PeerMessage.Write(frame, MessageId.HaveAll) : PeerMessage.Write(frame, MessageId.Bitfield, [0b1101_1000]));
        foreach (MessageId id in (MessageId[])[MessageId.Unchoke, MessageId.Interested, MessageId.Choke]) Send(PeerMessage.Write(frame, id));
        foreach (MessageId id in (MessageId[])[MessageId.Have, MessageId.SuggestPiece, MessageId.AllowedFast]) Send(PeerMessage.Write(frame, id, 2));
        foreach (MessageId id in (MessageId[])[MessageId.Request, MessageId.Cancel, MessageId.RejectRequest]) Send(PeerMessage.Write(frame, id, new BlockRef(2, 16384, 16384)));
        PeerMessage.WritePieceHeader(frame, new BlockRef(4, 0, 200));
        Send(PeerMessage.PieceHeaderLength + 200);
        Send(PeerMessage.Write(frame, MessageId.Port, [0x1A, 0xE1]));
        return stream.ToArray();
    }

    // Every run asks for the same blocks first: four of the first four pieces. Requests go out when what was received is read: a
    // message that nobody knows keeps what follows out of the same read.
    static byte[] Pause() => Frame(b => PeerMessage.Write(b, MessageId.Extended, Enumerable.Repeat((byte)7, 200).ToArray()));

    static byte[] Rejection() => Conversation(fast: true,
    [
        Frame(b => PeerMessage.Write(b, MessageId.HaveAll)), Frame(b => PeerMessage.Write(b, MessageId.Unchoke)), Pause(),
        .. Blocks().Select(block => Frame(b => PeerMessage.Write(b, MessageId.RejectRequest, block))),
    ]);

    // Without the fast extension a choke withdraws every request; what was asked for may come all the same.
    static byte[] Withdrawal() => Conversation(fast: false,
    [
        Frame(b => PeerMessage.Write(b, MessageId.Bitfield, [0b1111_1000])), Frame(b => PeerMessage.Write(b, MessageId.Unchoke)),
        Pause(), Frame(b => PeerMessage.Write(b, MessageId.Choke)), .. Blocks().Select(block => Frame(b => Answer(b, block))),
    ]);

    static IEnumerable<BlockRef> Blocks() => from half in (int[])[1, 0] from piece in Enumerable.Range(0, 4) select new BlockRef(piece, half * 16384, 16384);

    static int Answer(byte[] frame, BlockRef block)
    {
        PeerMessage.WritePieceHeader(frame, block);
        return PeerMessage.PieceHeaderLength + block.Length;
    }

    static byte[] Frame(Func<byte[], int> write)
    {
        byte[] frame = new byte[PeerMessage.PieceHeaderLength + 16384];
        return frame[..write(frame)];
    }

    static byte[] Conversation(bool fast, byte[][] frames)
    {
        byte[] hello = Hello();
        new Handshake(s_hash, new PeerId("-XX0001-abcdefghijkl"u8), fast, SupportsExtensions: false).Write(hello);
        return [.. hello, .. frames.SelectMany(f => f)];
    }

    static byte[] UdpAnnounce()
    {
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        var announce = new Announce { InfoHash = s_hash, PeerId = new PeerId("-XX0001-abcdefghijkl"u8), Port = 6881, Left = 3, NumWant = -1 };
        return packet[..UdpCodec.WriteAnnounce(packet, 1, 2, announce, "/announce?a=b"u8)];
    }

    static byte[] UdpScrape()
    {
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        return packet[..UdpCodec.WriteScrape(packet, 1, 2, [s_hash, s_hash])];
    }

    static byte[] Reply(uint action, int length)
    {
        byte[] packet = new byte[length];
        BinaryPrimitives.WriteUInt32BigEndian(packet, action);
        return packet;
    }

    /// <summary>A message without its numbers: "piece 5 is bad" and "piece 6 is bad" are one way to fail.</summary>
    static string Shape(string message) => string.Concat(message.Where(c => !char.IsAsciiDigit(c)).Take(60));
}
