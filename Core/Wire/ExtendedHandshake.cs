// The first extended message (BEP 10): a dictionary in which each side names the extensions it speaks and a few facts.
using System.Buffers;
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Wire;

/// <summary>What we read from it and write into it; keys we do not know are ignored.</summary>
/// <param name="Client">Name and version of the program, untrusted text of at most 100 characters; null if not told.</param>
/// <param name="ListenPort">Where the peer accepts connections; 0 if not told.</param>
/// <param name="MaxRequests">Requests the peer lets wait (<c>reqq</c>); 0 if not told.</param>
/// <param name="UploadOnly">The peer wants nothing (BEP 21).</param>
readonly record struct ExtendedHandshake(string? Client, int ListenPort, int MaxRequests, bool UploadOnly)
{
    /// <summary>The extended id of the handshake itself; it is the first byte of the payload.</summary>
    public const byte Id = 0;

    const int MaxClientLength = 100;

    /// <summary>The dictionary of an extended message; empty if the message is.</summary>
    public static ReadOnlySpan<byte> DictionaryIn(ReadOnlySpan<byte> payload) => payload.IsEmpty ? payload : payload[1..];

    /// <param name="dictionary">The payload after its extended id. Bytes after the dictionary are tolerated.</param>
    public static bool TryRead(ReadOnlySpan<byte> dictionary, out ExtendedHandshake handshake)
    {
        handshake = default;
        if (!BencodeValue.TryParsePrefix(dictionary, out BencodeValue root, out _) || root.Kind != BencodeKind.Dictionary) return false;

        string? client = root.TryGetBytes("v"u8, out ReadOnlySpan<byte> v) ? Encoding.UTF8.GetString(v[..Math.Min(v.Length, MaxClientLength)]) : null;
        root.TryGetInteger("p"u8, out long port);
        root.TryGetInteger("reqq"u8, out long requests);
        root.TryGetInteger("upload_only"u8, out long uploadOnly);
        handshake = new ExtendedHandshake(client, port is > 0 and < 65536 ? (int)port : 0, (int)Math.Clamp(requests, 0, 1 << 16), uploadOnly == 1);
        return true;
    }

    /// <summary>The whole payload, extended id first.</summary>
    public ReadOnlySpan<byte> Write()
    {
        var output = new ArrayBufferWriter<byte>(128);
        output.Write([Id]);
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        writer.Key("m"u8);
        writer.BeginDictionary();
        writer.End();
        if (ListenPort > 0)
        {
            writer.Key("p"u8);
            writer.Integer(ListenPort);
        }
        writer.Key("reqq"u8);
        writer.Integer(MaxRequests);
        if (UploadOnly)
        {
            writer.Key("upload_only"u8);
            writer.Integer(1);
        }
        if (Client is not null)
        {
            writer.Key("v"u8);
            writer.Text(Client);
        }
        writer.End();
        return output.WrittenSpan;
    }
}
