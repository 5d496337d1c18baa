// Writes bencode. Canonical form wants a dictionary's keys in ascending byte order: the caller writes them so.
using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace TinyTorrent.Bencode;

readonly struct BencodeWriter(IBufferWriter<byte> output)
{
    const int LongestNumber = 20; // -9223372036854775808

    public void BeginDictionary() => Raw("d"u8);

    public void BeginList() => Raw("l"u8);

    /// <summary>Ends the innermost list or dictionary.</summary>
    public void End() => Raw("e"u8);

    public void Key(ReadOnlySpan<byte> key) => Bytes(key);

    public void Integer(long value)
    {
        Span<byte> to = output.GetSpan(LongestNumber + 2);
        to[0] = (byte)'i';
        Utf8Formatter.TryFormat(value, to[1..], out int digits);
        to[digits + 1] = (byte)'e';
        output.Advance(digits + 2);
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Span<byte> to = output.GetSpan(LongestNumber + 1);
        Utf8Formatter.TryFormat(value.Length, to, out int digits);
        to[digits] = (byte)':';
        output.Advance(digits + 1);
        output.Write(value);
    }

    /// <summary>A byte string holding the text as UTF-8.</summary>
    public void Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes that are bencode already.</summary>
    public void Raw(ReadOnlySpan<byte> bencoded) => output.Write(bencoded);
}
