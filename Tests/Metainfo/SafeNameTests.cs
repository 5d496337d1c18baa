using System.Text;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Metainfo;

public class SafeNameTests
{
    [Theory]
    [InlineData("..")]
    [InlineData("../")]
    [InlineData("/..")]
    [InlineData("a\0b")]
    [InlineData("\0")]
    public void HostileNamesAreRefused(string name)
    {
        foreach (bool windows in (bool[])[false, true])
        {
            Assert.False(SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows, out _, out _, out string problem));
            Assert.NotEmpty(problem);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("/")]
    [InlineData("./")]
    public void WhatNamesNothingIsEmpty(string name)
    {
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string mapped, out _, out _));
        Assert.Empty(mapped);
    }

    [Theory]
    [InlineData("plain.txt", "plain.txt", "plain.txt")]
    [InlineData("žluťoučký 日本語 🎉", "žluťoučký 日本語 🎉", "žluťoučký 日本語 🎉")]
    [InlineData("...", "...", ".._")]
    [InlineData("set/", "set", "set")]
    [InlineData("/etc", "etc", "etc")]
    [InlineData("System R1/beta6", "System R1_beta6", "System R1_beta6")]
    [InlineData("../x", ".._x", ".._x")]
    [InlineData("a\\b", "a\\b", "a_b")]
    [InlineData("..\\x", "..\\x", ".._x")]
    [InlineData("soft\u00adhyphen\u200b", "soft_hyphen_", "soft_hyphen_")]
    [InlineData("می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم")]
    [InlineData("a\u200d", "a_", "a_")]
    [InlineData(". .", ". .", ". _")]
    [InlineData("-rf ~", "-rf ~", "-rf ~")]
    [InlineData("a\nb\x1b[31m\x7f\u0085", "a_b_[31m__", "a_b_[31m__")]
    [InlineData("exe\u202egpj.exe", "exe_gpj.exe", "exe_gpj.exe")]
    [InlineData("C:", "C:", "C_")]
    [InlineData("what? \"is\" <this>|*", "what? \"is\" <this>|*", "what_ _is_ _this___")]
    [InlineData("con", "con", "_con")]
    [InlineData("CON .tar.gz", "CON .tar.gz", "_CON .tar.gz")]
    [InlineData("lpt9.x", "lpt9.x", "_lpt9.x")]
    [InlineData("com¹", "com¹", "_com¹")]
    [InlineData("console", "console", "console")]
    [InlineData("com10", "com10", "com10")]
    [InlineData("end. ", "end. ", "end._")]
    public void AwkwardNamesAreMapped(string name, string here, string onWindows)
    {
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string mapped, out string? original, out _));
        Assert.Equal(here, mapped);
        Assert.Equal(name.Trim('/') is var inner && inner.Contains('/', StringComparison.Ordinal) ? null : inner, original);
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: true, out mapped, out _, out _));
        Assert.Equal(onWindows, mapped);
    }

    [Fact]
    public void BytesThatAreNotUtf8StayDistinct()
    {
        Assert.True(SafeName.TryRead([.. "caf"u8, 0xE9, .. ".txt"u8], false, out string name, out _, out _));
        Assert.Equal("caf%E9.txt", name);
        Assert.True(SafeName.TryRead([0xED, 0xA0, 0x80, 0x61, 0xC0, 0xAF], false, out name, out _, out _)); // a surrogate, an overlong slash
        Assert.Equal("%ED%A0%80a%C0%AF", name);
    }

    [Fact]
    public void LongNamesKeepTheirExtensionAndWholeCharacters()
    {
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(new string('é', 300) + ".mkv"), false, out string name, out _, out _));
        Assert.Equal(new string('é', 125) + ".mkv", name);
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(new string('a', 255)), false, out name, out _, out _));
        Assert.Equal(255, name.Length);
        Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes("a." + new string('b', 400)), false, out name, out _, out _));
        Assert.Equal(255, name.Length);
    }

    [Fact]
    public void WhateverTheBytesANameIsRefusedOrSafe()
    {
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] raw = new byte[random.Next(seed % 50 == 0 ? 600 : 12)];
            random.NextBytes(raw);
            if (random.Next(2) == 0) for (int i = 0; i < raw.Length; i++) raw[i] = "./\\ab\0c: .~é"u8[raw[i] % 13];
            bool windows = random.Next(2) == 0;
            if (!SafeName.TryRead(raw, windows, out string name, out _, out _) || name.Length == 0) continue;
            Assert.True(name is not ("." or ".."), $"seed {seed}");
            Assert.True(name.AsSpan().IndexOfAny('/', '\0') < 0, $"seed {seed}");
            Assert.True(!windows || name.AsSpan().IndexOfAny(':', '\\') < 0, $"seed {seed}");
            Assert.True(Encoding.UTF8.GetByteCount(name) <= SafeName.MaxBytes, $"seed {seed}");
            Assert.True(SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows, out string again, out _, out _) && again == name, $"seed {seed}: mapped twice");
        }
    }
}
