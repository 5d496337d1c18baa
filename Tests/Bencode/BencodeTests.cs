using System.Buffers;
using System.Globalization;
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Tests.Bencode;

public class BencodeTests
{
    [Theory]
    [InlineData("i0e", 0)]
    [InlineData("i-1e", -1)]
    [InlineData("i10e", 10)]
    [InlineData("i9223372036854775807e", long.MaxValue)]
    [InlineData("i-9223372036854775808e", long.MinValue)]
    public void IntegersOfTheWhole64BitRangeAreRead(string text, long expected)
    {
        Assert.True(BencodeValue.TryParse(Utf8(text), out BencodeValue value, out _));
        Assert.Equal(BencodeKind.Integer, value.Kind);
        Assert.Equal(expected, value.Integer);
    }

    [Theory]
    // integers
    [InlineData("i", 0)]
    [InlineData("i-", 0)]
    [InlineData("i1", 0)]
    [InlineData("i 1e", 0)]
    // byte strings
    [InlineData("", 0)]
    [InlineData("1", 0)]
    [InlineData("1:", 0)]
    [InlineData("3:ab", 0)]
    [InlineData("-1:a", 0)]
    [InlineData(":", 0)]
    [InlineData("3abc", 0)]
    [InlineData("2147483648:a", 0)]
    [InlineData("4294967297:a", 0)]
    [InlineData("18446744073709551617:a", 0)]
    [InlineData("99999999999999999999999999999999999999:a", 0)]
    // structure
    [InlineData("e", 0)]
    [InlineData("x", 0)]
    [InlineData("l", 1)]
    [InlineData("d", 1)]
    [InlineData("li1e", 4)]
    [InlineData("lxe", 1)]
    [InlineData("d1:ae", 4)]
    [InlineData("d1:a", 4)]
    [InlineData("di1ei2ee", 1)]
    [InlineData("dlei1ee", 1)]
    [InlineData("d1:ai1e", 7)]
    [InlineData("d1:ai1e1:bee", 10)]
    [InlineData("i1ei2e", 3)]
    [InlineData("dee", 2)]
    public void WhatIsNotBencodeIsRefusedWithItsOffset(string text, int offset)
    {
        Assert.False(BencodeValue.TryParse(Utf8(text), out BencodeValue value, out BencodeError error));
        Assert.Equal(BencodeKind.None, value.Kind);
        Assert.Equal(offset, error.Offset);
        Assert.False(string.IsNullOrEmpty(error.Reason));
    }

    [Theory]
    [InlineData("i01e", 1, 0)]
    [InlineData("i00e", 0, 0)]
    [InlineData("i-0e", 0, 0)]
    [InlineData("i-01e", -1, 0)]
    [InlineData("i+1e", 1, 0)]
    [InlineData("li0000000000000000000000000000000000000007ee", 7, 1)]
    [InlineData("ie", null, 0)]
    [InlineData("i-e", null, 0)]
    [InlineData("i1.5e", null, 0)]
    [InlineData("i1-2e", null, 0)]
    [InlineData("i--1e", null, 0)]
    [InlineData("i9223372036854775808e", null, 0)]
    [InlineData("i-9223372036854775809e", null, 0)]
    [InlineData("i99999999999999999999999999e", null, 0)]
    public void ANumberOfAnotherFormIsReadOrPassedOverUnlessStrict(string text, int? expected, int offset)
    {
        Assert.True(BencodeValue.TryParse(Utf8(text), out BencodeValue value, out _));
        if (value.Kind == BencodeKind.List)
            foreach (BencodeValue item in value.Items) value = item;
        Assert.Equal(expected is null ? BencodeKind.OddNumber : BencodeKind.Integer, value.Kind);
        Assert.Equal(expected ?? 0, value.Integer);
        Assert.False(BencodeValue.TryParse(Utf8(text), out _, out BencodeError error, strict: true));
        Assert.Equal(offset, error.Offset);
    }

    [Fact]
    public void OfAKeyThatComesTwiceTheFirstIsFoundUnlessStrict()
    {
        foreach (string text in (string[])["d1:ai1e1:ai2ee", "d1:bi1e1:ai1e1:ai3ee", "d01:ai1ee"])
        {
            Assert.True(BencodeValue.TryParse(Utf8(text), out BencodeValue root, out _));
            Assert.True(root.TryGetInteger("a"u8, out long one) && one == 1);
            Assert.False(BencodeValue.TryParse(Utf8(text), out _, out _, strict: true));
        }
    }

    [Fact]
    public void KeysOutOfOrderAreReadUnlessStrictAndTheSameKeyInTwoDictionariesIsFine()
    {
        byte[] unsorted = Utf8("d1:bd1:zi1e1:ai2ee1:ad1:zi3eee");
        Assert.True(BencodeValue.TryParse(unsorted, out BencodeValue root, out _));
        Assert.True(root.TryGet("b"u8, out BencodeValue b) && b.TryGetInteger("a"u8, out long two) && two == 2);
        Assert.True(root.TryGet("a"u8, out BencodeValue a) && a.TryGetInteger("z"u8, out long three) && three == 3);
        Assert.False(BencodeValue.TryParse(unsorted, out _, out BencodeError error, strict: true));
        Assert.Equal(11, error.Offset);
    }

    [Fact]
    public void AValueIsReadWithoutCopyingAndWrongKindsReadAsNothing()
    {
        byte[] input = Utf8("d4:listl1:xi7elee3:numi-5e3:str5:hello4:zerod0:0:ee");
        Assert.True(BencodeValue.TryParse(input, out BencodeValue root, out _, strict: true));
        Assert.Equal(input, root.Raw);
        Assert.True(root.TryGetBytes("str"u8, out ReadOnlySpan<byte> text));
        Assert.True(text.SequenceEqual("hello"u8));
        Assert.False(root.TryGetInteger("str"u8, out _));
        Assert.False(root.TryGetBytes("num"u8, out _));
        Assert.False(root.TryGet("nope"u8, out BencodeValue missing));
        Assert.Equal(0, missing.Integer);
        Assert.True(missing.Bytes.IsEmpty);
        foreach (BencodeEntry _ in missing.Entries) Assert.Fail("a missing value has no entries");
        foreach (BencodeValue _ in root.Items) Assert.Fail("a dictionary has no items");

        Assert.True(root.TryGet("list"u8, out BencodeValue list));
        var kinds = new List<BencodeKind>();
        foreach (BencodeValue item in list.Items) kinds.Add(item.Kind);
        Assert.Equal([BencodeKind.Bytes, BencodeKind.Integer, BencodeKind.List], kinds);

        var keys = new List<string>();
        foreach (BencodeEntry entry in root.Entries) keys.Add(Encoding.UTF8.GetString(entry.Key) + "@" + entry.Value.Offset);
        Assert.Equal(["list@7", "num@22", "str@31", "zero@44"], keys);
        Assert.True(root.TryGet("zero"u8, out BencodeValue zero) && zero.TryGetBytes(""u8, out ReadOnlySpan<byte> empty) && empty.IsEmpty);
    }

    [Fact]
    public void APrefixLeavesTheRestToTheCaller()
    {
        Assert.True(BencodeValue.TryParsePrefix("d1:ai1eerest"u8, out BencodeValue root, out _));
        Assert.Equal(8, root.Raw.Length);
    }

    [Theory]
    [InlineData('l')]
    [InlineData('d')]
    public void NestingDeeperThan100IsRefusedAndAMillionLevelsDoNotCrash(char open)
    {
        string key = open == 'd' ? "0:" : "";
        string Nested(int depth) => string.Concat(Enumerable.Repeat(open + key, depth - 1)) + open + new string('e', depth);

        Assert.True(BencodeValue.TryParse(Utf8(Nested(100)), out BencodeValue root, out _));
        Assert.Equal(Nested(100).Length, root.Raw.Length);
        Assert.False(BencodeValue.TryParse(Utf8(Nested(101)), out _, out BencodeError error));
        Assert.Equal(100 * (1 + key.Length), error.Offset);
        Assert.False(BencodeValue.TryParse(Utf8(Nested(1_000_000)), out _, out _));
    }

    [Fact]
    public void MoreThanTwelveMillionValuesAreRefused()
    {
        byte[] Strings(int count)
        {
            byte[] input = new byte[2 * count + 2];
            for (int i = 0; i < count; i++) "0:"u8.CopyTo(input.AsSpan(1 + 2 * i));
            (input[0], input[^1]) = ((byte)'l', (byte)'e');
            return input;
        }
        Assert.True(BencodeValue.TryParse(Strings(BencodeReader.MaxTokens - 1), out _, out _));
        Assert.False(BencodeValue.TryParse(Strings(BencodeReader.MaxTokens), out _, out _));
    }

    [Fact]
    public void ParsingAndLookingUpAllocateNothing()
    {
        byte[] input = Utf8("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
        long Run()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                bool whole = BencodeValue.TryParse(input, out BencodeValue root, out _)
                    && root.TryGet("a"u8, out BencodeValue a)
                    && a.TryGetBytes("id"u8, out _)
                    && root.TryGetBytes("y"u8, out _);
                if (!whole) Assert.Fail("a field is missing");
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Run();
        Assert.Equal(0, Run());
    }

    [Fact]
    public void RandomValuesRoundTripThroughTheWriterByteForByte()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var output = new ArrayBufferWriter<byte>();
            WriteRandom(new BencodeWriter(output), random, 0);
            Assert.True(BencodeValue.TryParse(output.WrittenSpan, out BencodeValue root, out BencodeError error, strict: true), $"seed {seed}: {error}");
            var copy = new ArrayBufferWriter<byte>();
            Copy(new BencodeWriter(copy), root);
            Assert.True(copy.WrittenSpan.SequenceEqual(output.WrittenSpan), $"seed {seed}");
        }
    }

    [Fact]
    public void MutatedInputNeverThrowsAndWhatIsAcceptedCanBeWalked()
    {
        int accepted = 0, canonical = 0;
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var output = new ArrayBufferWriter<byte>();
            WriteRandom(new BencodeWriter(output), random, 0);
            byte[] input = Mutation.Of(output.WrittenSpan, random);
            if (!BencodeValue.TryParse(input, out BencodeValue root, out BencodeError error))
            {
                Assert.InRange(error.Offset, 0, input.Length);
                continue;
            }
            accepted++;
            var copy = new ArrayBufferWriter<byte>();
            Copy(new BencodeWriter(copy), root);
            if (!BencodeValue.TryParse(input, out _, out _, strict: true)) continue;
            canonical++;
            Assert.True(copy.WrittenSpan.SequenceEqual(input), $"seed {seed}");
        }
        Assert.InRange(canonical, 100, accepted);
        Assert.InRange(accepted, 100, 19_900);
    }

    static void WriteRandom(BencodeWriter writer, Random random, int depth)
    {
        int kind = random.Next(depth == 0 ? 2 : 0, depth > 4 ? 2 : 4);
        if (kind == 0) writer.Integer(random.Next(2) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(-2, 3));
        if (kind == 1) writer.Bytes(RandomBytes(random));
        if (kind == 2)
        {
            writer.BeginList();
            for (int i = random.Next(6); i > 0; i--) WriteRandom(writer, random, depth + 1);
            writer.End();
        }
        if (kind == 3)
        {
            writer.BeginDictionary();
            var keys = new SortedSet<string>(StringComparer.Ordinal);
            for (int i = random.Next(6); i > 0; i--) keys.Add(Convert.ToHexString(RandomBytes(random)));
            foreach (string key in keys)
            {
                writer.Key(Convert.FromHexString(key)); // hex keeps the order of the bytes
                WriteRandom(writer, random, depth + 1);
            }
            writer.End();
        }
    }

    static byte[] RandomBytes(Random random)
    {
        byte[] bytes = new byte[random.Next(12)];
        random.NextBytes(bytes);
        return bytes;
    }

    static void Copy(BencodeWriter writer, BencodeValue value)
    {
        switch (value.Kind)
        {
            case BencodeKind.Integer:
                writer.Integer(value.Integer);
                break;
            case BencodeKind.Bytes:
                writer.Bytes(value.Bytes);
                break;
            case BencodeKind.List:
                writer.BeginList();
                foreach (BencodeValue item in value.Items) Copy(writer, item);
                writer.End();
                break;
            case BencodeKind.Dictionary:
                writer.BeginDictionary();
                foreach (BencodeEntry entry in value.Entries)
                {
                    writer.Key(entry.Key);
                    Copy(writer, entry.Value);
                }
                writer.End();
                break;
        }
    }

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
