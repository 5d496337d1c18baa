// A catalogue whose tracker is killed at any moment: what was acknowledged is there, and nothing broken is.
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public class CatalogueCrashTests
{
    const int Seed = 20, Rounds = 6;

    [Fact]
    public async Task WhatWasPublishedSurvivesAKillAtAnyMoment()
    {
        using var folder = new TemporaryFolder();
        using var http = new HttpClient();
        var random = new Random(Seed);
        var published = new Dictionary<string, (string Token, byte[] Torrent)>();
        var removed = new HashSet<string>();
        int next = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using Process tracker = Start(folder.Path);
            try
            {
                Uri root = await AwaitRoot(tracker);
                string list = await http.GetStringAsync(new Uri(root, "catalogue.json?page=1"));
                await Verify(http, root, list, published, removed, $"seed {Seed} round {round}");

                int killAt = random.Next(1, 40);
                using var killer = new Timer(_ => tracker.Kill(), null, Timeout.Infinite, Timeout.Infinite);
                try
                {
                    for (int i = 0; i < 400; i++)
                    {
                        byte[] torrent = Published.Torrent($"n{next}", next++);
                        using var body = new ByteArrayContent(torrent);
                        using HttpResponseMessage answer = await http.PostAsync(new Uri(root, "catalogue"), body);
                        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
                        JsonElement json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
                        string hash = json.GetProperty("info_hash").GetString()!;
                        published[hash] = (json.GetProperty("token").GetString()!, torrent);
                        if (i == 0) killer.Change(killAt * 5, Timeout.Infinite); // not before: on a busy machine nothing would have been taken
                        if (i % 3 != 1) continue;
                        removed.Add(hash); // asked for: whether it was heard is open until the answer
                        using var delete = new HttpRequestMessage(HttpMethod.Delete, new Uri(root, $"catalogue/{hash}"));
                        delete.Headers.TryAddWithoutValidation("Authorization", "Bearer " + published[hash].Token);
                        using HttpResponseMessage gone = await http.SendAsync(delete);
                        Assert.Equal(HttpStatusCode.OK, gone.StatusCode);
                        published.Remove(hash);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException) { } // killed
                await tracker.WaitForExitAsync();
                string errors = await tracker.StandardError.ReadToEndAsync();
                Assert.True(errors.Length == 0, $"seed {Seed} round {round}: {errors}");
            }
            finally
            {
                if (!tracker.HasExited) tracker.Kill();
            }
        }
        Assert.NotEmpty(published);
    }

    static Process Start(string state) => Process.Start(TheProgram.With("serve-tracker", "--listen", "127.0.0.1:0", "--state", state, "--json"))!;

    static async Task<Uri> AwaitRoot(Process tracker)
    {
        string line = await tracker.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await tracker.StandardError.ReadToEndAsync());
        return new Uri(new Uri(JsonDocument.Parse(line).RootElement.GetProperty("url").GetString()!), "/");
    }

    static async Task Verify(HttpClient http, Uri root, string list, Dictionary<string, (string Token, byte[] Torrent)> published, HashSet<string> removed, string when)
    {
        int total = JsonDocument.Parse(list).RootElement.GetProperty("total").GetInt32();
        int sure = published.Count(entry => !removed.Contains(entry.Key));
        Assert.True(total >= sure, $"{when}: {total} of {sure} are listed");
        foreach (string hash in removed.Where(hash => !published.ContainsKey(hash)))
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri(root, $"torrents/{hash}.torrent"));
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{when}: {hash} is back");
        }
        foreach ((string hash, (string _, byte[] torrent)) in published)
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri(root, $"torrents/{hash}.torrent"));
            if (removed.Contains(hash) && answer.StatusCode == HttpStatusCode.NotFound) continue;
            Assert.True(answer.IsSuccessStatusCode, $"{when}: {hash} is gone");
            Assert.Equal(torrent, await answer.Content.ReadAsByteArrayAsync());
        }
    }
}
