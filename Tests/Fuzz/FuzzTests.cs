// Drives the targets: valid input is damaged, in its bytes or in what they mean; damaged input that fared differently from all
// before joins the corpus, and so on. Here for a fixed number of steps with fixed seeds; FUZZ_SECONDS, which `make fuzz` sets, goes on for so long with seeds
// of the day. What makes a target fail is kept in Tests/Fuzz/failures/TARGET and tried again in every run.
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using TinyTorrent.Tests.Bencode;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Fuzz;

public class FuzzTests(ITestOutputHelper output)
{
    const int Steps = 3000, MaxCorpus = 500;

    public static TheoryData<string> Names => [.. FuzzTargets.All.Select(target => target.Name)];

    static FuzzTarget Find(string name) => FuzzTargets.All.Single(target => target.Name == name);

    static string FailuresOf(string name, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "failures", name);

    [Theory, MemberData(nameof(Names))]
    public void NoDamageMakesADecoderFail(string name)
    {
        FuzzTarget target = Find(name);
        _ = double.TryParse(Environment.GetEnvironmentVariable("FUZZ_SECONDS"), out double seconds);
        int start = seconds > 0 ? Random.Shared.Next() : 0, seed = start;
        long began = Stopwatch.GetTimestamp();
        List<byte[]> corpus = [.. target.Corpus], wholes = [.. target.Corpus]; // the latter were damaged in their meaning only
        var seen = new HashSet<object>();
        foreach (byte[] valid in target.Corpus) seen.Add(Try(target, valid, seed));

        for (; seed - start < Steps || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; seed++)
        {
            var random = new Random(seed);
            byte[]? whole = random.Next(2) == 0 ? target.Restate?.Invoke(wholes[random.Next(wholes.Count)], random) : null;
            byte[] input = whole ?? Mutation.Of(corpus[random.Next(corpus.Count)], random);
            if (!seen.Add(Try(target, input, seed)) || corpus.Count == MaxCorpus) continue;
            corpus.Add(input);
            if (whole is not null) wholes.Add(whole);
        }
        output.WriteLine($"{name}: {seed - start} inputs, {seen.Count} ways to fare, seeds from {start}");
    }

    /// <summary>Twenty kilobytes of this have ended other clients: a decoder that calls itself runs out of stack, which nothing can catch.</summary>
    [Theory, MemberData(nameof(Names))]
    public void AMillionNestedListsOrDictionariesAreRefused(string name)
    {
        FuzzTarget target = Find(name);
        foreach (string level in (string[])["l", "d1:a"])
        {
            byte[] nest = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(level, 1_000_000)));
            target.Decode(nest);
            foreach (byte[] valid in target.Corpus)
                if (TreeMutation.WithLast(valid, nest) is { } inside) target.Decode(inside);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void WhatOnceFailedDoesNotFailAgain(string name)
    {
        FuzzTarget target = Find(name);
        if (!Directory.Exists(FailuresOf(name))) return;
        foreach (string file in Directory.GetFiles(FailuresOf(name))) target.Decode(File.ReadAllBytes(file));
    }

    static object Try(FuzzTarget target, byte[] input, int seed)
    {
        try
        {
            return target.Decode(input);
        }
        catch (Exception e)
        {
            string path = Path.Combine(Directory.CreateDirectory(FailuresOf(target.Name)).FullName, Convert.ToHexString(System.Security.Cryptography.SHA1.HashData(input))[..16]);
            File.WriteAllBytes(path, input);
            Assert.Fail($"{target.Name}, seed {seed}, kept as {path}: {e}");
            throw;
        }
    }
}
