// GNU habits, one row each: what a person types and what the command sees.
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class ArgumentsTests
{
    static readonly Command Sample = new("sample", "SOURCE [options]", "", MaxOperands: 1,
    [
        new("--output", "DIR", "") { Short = 'o' },
        new("--peer", "HOST:PORT", "") { Repeatable = true },
        new("--rate", "RATE", "") { Short = 'r' },
        new("--time", "T", ""),
        new("--count", "N", ""),
        new("--seed", null, "") { Short = 's' },
    ], _ => ExitCode.Done);

    static Arguments Parse(params string[] argv) => Arguments.Parse(Sample, argv);

    static string UsageOf(Action action)
    {
        var e = Assert.Throws<CommandException>(action);
        Assert.Equal(ExitCode.Usage, e.Code);
        return e.Message;
    }

    [Theory]
    [InlineData("--output=x")]
    [InlineData("--output x")]
    [InlineData("-o x")]
    [InlineData("-ox")]
    [InlineData("-qso x")]
    [InlineData("-sox")]
    public void EveryFormOfAnOptionGivesItsValue(string line) => Assert.Equal("x", Parse(line.Split(' ')).Value("--output"));

    [Fact]
    public void OperandsAndOptionsMayBeMixed()
    {
        Arguments arguments = Parse("--seed", "-", "-vv", "--peer=a:1", "--peer", "b:2");
        Assert.Equal(["-"], arguments.Operands);
        Assert.Equal(2, arguments.Count("--verbose"));
        Assert.Equal(["a:1", "b:2"], arguments.Values("--peer"));
        Assert.True(arguments.Has("--seed"));
        Assert.False(arguments.Has("--output"));
    }

    [Fact]
    public void TwoDashesEndTheOptions() => Assert.Equal(["--seed"], Parse("--", "--seed").Operands);

    [Fact]
    public void AValueMayLookLikeAnOption() => Assert.Equal("-x", Parse("-o", "-x").Value("--output"));

    [Theory]
    [InlineData("--ouput=x", "unknown option '--ouput'; did you mean '--output'?")]
    [InlineData("-z", "unknown option '-z'")]
    [InlineData("--seed=1", "--seed takes no value")]
    [InlineData("--output", "--output needs a value (DIR)")]
    [InlineData("-so", "--output needs a value (DIR)")]
    [InlineData("-o a -o b", "--output was given twice")]
    [InlineData("a b", "unexpected argument 'b'")]
    public void AWrongArgumentIsNamed(string line, string message) => Assert.Equal(message, UsageOf(() => Parse(line.Split(' '))));

    [Theory]
    [InlineData("--output=")]
    [InlineData("--output ")]
    [InlineData("-o ")]
    [InlineData("-so ")]
    public void AnEmptyValueIsAWrongArgumentThatIsNamed(string line) =>
        Assert.Equal("--output is empty; it takes DIR", UsageOf(() => Parse(line.Split(' '))));

    [Fact]
    public void AnEmptyOperandIsAWrongArgument() => Assert.Contains("empty (sample SOURCE", UsageOf(() => Parse("")), StringComparison.Ordinal);

    [Theory]
    [InlineData("a --bogus --help", true)]
    [InlineData("-h", true)]
    [InlineData("-- --help", false)]
    [InlineData("--output=-h", false)]
    public void HelpIsAskedForAnywhereBeforeTheOptionsEnd(string line, bool asks) => Assert.Equal(asks, Arguments.AskForHelp(line.Split(' ')));

    [Theory]
    [InlineData("1", 1)]
    [InlineData("500k", 512000)]
    [InlineData("2M", 2097152)]
    [InlineData("1.5GiB", 1610612736)]
    [InlineData("16KiB", 16384)]
    [InlineData("1t", 1L << 40)]
    public void SizesCountInStepsOf1024(string text, long bytes) => Assert.Equal(bytes, Parse("-r", text).Bytes("--rate"));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("k")]
    [InlineData("1e9")]
    [InlineData("9999999999G")]
    [InlineData("5MB")]
    [InlineData("NaN")]
    [InlineData("∞")]
    public void WhatIsNoSizeIsAWrongArgument(string text) => Assert.Contains("--rate", UsageOf(() => Parse("--rate=" + text).Bytes("--rate")), StringComparison.Ordinal);

    [Theory]
    [InlineData("90", 90)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7200)]
    [InlineData("1d", 86400)]
    public void TimesHaveAUnit(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Parse("--time", text).Duration("--time"));

    [Theory]
    [InlineData("five")]
    [InlineData("-5s")]
    [InlineData("99999999999")]
    public void WhatIsNoTimeIsAWrongArgument(string text) => Assert.Contains(text, UsageOf(() => Parse("--time=" + text).Duration("--time")), StringComparison.Ordinal);

    [Theory]
    [InlineData("0", 1, 9)]
    [InlineData("10", 1, 9)]
    [InlineData("+5", 1, 9)]
    [InlineData("99999999999999999999", 0, long.MaxValue)]
    public void ANumberOutsideItsRangeIsAWrongArgument(string text, long min, long max) =>
        Assert.Contains($"from {min} to {max}", UsageOf(() => Parse("--count", text).Integer("--count", 1, min, max)), StringComparison.Ordinal);

    [Fact]
    public void NoWordsWhateverDoMoreThanAUsageError()
    {
        const int seed = 11;
        var random = new Random(seed);
        string[] pieces = ["-", "--", "=", "o", "s", "q", "v", "x", "output", "seed", "peer", "\0", "\ud800", "é", " ", "1"];
        for (int round = 0; round < 20_000; round++)
        {
            string[] words = [.. Enumerable.Range(0, random.Next(6)).Select(_ => string.Concat(Enumerable.Range(0, random.Next(5)).Select(_ => pieces[random.Next(pieces.Length)])))];
            try
            {
                Arguments arguments = Parse(words);
                Assert.True(arguments.Operands.Count <= 1);
            }
            catch (CommandException e)
            {
                Assert.True(e.Code == ExitCode.Usage, $"seed {seed}, round {round}: {string.Join(' ', words)}");
            }
        }
    }
}
