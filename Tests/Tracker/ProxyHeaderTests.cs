using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class ProxyHeaderTests
{
    /// <summary>A header of version 2.</summary>
    internal static byte[] Binary(string? source, int command = 1, int family = -1, int more = 0, int version = 2)
    {
        byte[] address = source is null ? [] : IPAddress.Parse(source).GetAddressBytes();
        byte[] rest = [.. address, .. address, .. source is null ? [] : new byte[4], .. new byte[more]];
        byte[] header = [.. "\r\n\r\n\0\r\nQUIT\n"u8, (byte)(version << 4 | command), (byte)((family >= 0 ? family : address.Length / 8 % 3 + (address.Length == 4 ? 1 : 0)) << 4 | 1), 0, 0, .. rest];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)rest.Length);
        return header;
    }

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 40000 6969\r\n", "192.0.2.1")]
    [InlineData("PROXY TCP6 2001:db8::1 2001:db8::2 40000 6969\r\n", "2001:db8::1")]
    [InlineData("PROXY UNKNOWN\r\n", "")]
    [InlineData("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "")]
    public void ALineNamesTheClient(string line, string client) => Read(Encoding.ASCII.GetBytes(line), client);

    [Fact]
    public void ABinaryHeaderNamesTheClientWhateverFollowsItsAddress()
    {
        Read(Binary("192.0.2.1"), "192.0.2.1");
        Read(Binary("2001:db8::1"), "2001:db8::1");
        Read(Binary("192.0.2.1", more: 300), "192.0.2.1");
        Read(Binary("::ffff:192.0.2.1"), "192.0.2.1");
        Read(Binary("192.0.2.1", command: 0), ""); // the proxy asks for itself
        Read(Binary(null, family: 0), "");
        Read(Binary(null, family: 3, more: 216), "");
    }

    /// <summary>The same however much of it is there, and never a byte of what follows.</summary>
    static void Read(byte[] header, string client)
    {
        byte[] bytes = [.. header, .. "GET /"u8];
        for (int length = 0; length < header.Length; length++)
            Assert.Equal((length, OperationStatus.NeedMoreData), (length, ProxyHeader.TryRead(bytes.AsSpan(0, length), out _, out _)));
        for (int length = header.Length; length <= bytes.Length; length++)
        {
            Assert.Equal(OperationStatus.Done, ProxyHeader.TryRead(bytes.AsSpan(0, length), out PeerAddress read, out int taken));
            Assert.Equal((header.Length, client), (taken, read.ToString()));
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\n\r\n")]
    [InlineData("\r\nGET / HTTP/1.1\r\n\r\n")]
    public void WhatBeginsWithARequestHasNone(string text)
    {
        Assert.Equal(OperationStatus.Done, ProxyHeader.TryRead(Encoding.ASCII.GetBytes(text), out PeerAddress client, out int length));
        Assert.Equal((0, true), (length, client.IsNone));
    }

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP4 localhost 192.0.2.1 1 2\r\n")]
    [InlineData("PROXY TCP5 192.0.2.1 192.0.2.1 1 2\r\n")]
    [InlineData("PROXY  TCP4 192.0.2.1 192.0.2.1 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.1 1 2 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n")]
    public void ABrokenLineIsRefused(string line) =>
        Assert.Equal(OperationStatus.InvalidData, ProxyHeader.TryRead(Encoding.ASCII.GetBytes(line), out _, out _));

    [Fact]
    public void ABrokenBinaryHeaderIsRefused()
    {
        Assert.Equal(OperationStatus.InvalidData, ProxyHeader.TryRead(Binary("192.0.2.1", version: 1), out _, out _));
        Assert.Equal(OperationStatus.InvalidData, ProxyHeader.TryRead(Binary("192.0.2.1", command: 2), out _, out _));
        Assert.Equal(OperationStatus.InvalidData, ProxyHeader.TryRead(Binary("192.0.2.1", family: 2), out _, out _));
        Assert.Equal(OperationStatus.InvalidData, ProxyHeader.TryRead(Binary("192.0.2.1", more: 60_000), out _, out _));
    }
}
