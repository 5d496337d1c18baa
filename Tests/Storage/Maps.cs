// File maps for tests: given, or random with empty, tiny and padding files.
using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Storage;

static class Maps
{
    public static FileMap Of(params (string Path, long Length)[] files) => Build([.. files.Select(f => (f.Path, f.Length, false))]);

    public static FileMap Random(Random random, string name)
    {
        var files = new (string, long, bool)[random.Next(1, 25)];
        for (int i = 0; i < files.Length; i++)
        {
            long length = random.Next(4) switch { 0 => 0, 1 => random.Next(4), 2 => random.Next(100), _ => random.Next(5000) };
            bool padding = random.Next(6) == 0;
            files[i] = ($"{name}/{(random.Next(2) == 0 ? "sub/" : "")}{(padding ? ".pad/" : "")}{i}", length, padding);
        }
        files[^1].Item2++; // at least a byte in all
        return Build(files);
    }

    /// <summary>For each byte of the content whether it is padding.</summary>
    public static bool[] PaddingBytes(FileMap map)
    {
        var padding = new bool[map.TotalLength];
        foreach (FileEntry file in map.Files) padding.AsSpan((int)file.Offset, (int)file.Length).Fill(file.IsPadding);
        return padding;
    }

    static FileMap Build((string Path, long Length, bool IsPadding)[] files)
    {
        var entries = new List<FileEntry>();
        long offset = 0;
        foreach ((string path, long length, bool isPadding) in files)
        {
            entries.Add(new FileEntry(path, offset, length, isPadding));
            offset += length;
        }
        return new FileMap([.. entries]);
    }
}
