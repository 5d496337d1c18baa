// Piece hashes of content on this machine, kept from one start to the next: a file for each path that was hashed,
//   key 32 bytes | piece hashes, 20 bytes each | SHA-256 of both
// named by a hash of the path. The key is the caller's: what it saw of the content. Untrusted input like every state file; a
// file that does not fit is as good as none. Not thread-safe.
using System.Text;
using TinyTorrent.Hashing;

namespace TinyTorrent.Storage;

sealed class HashCache(string folder)
{
    /// <summary>The user's own; null if he has no home.</summary>
    public static HashCache? OfUser() => UserState.Folder("hashes") is { } folder ? new HashCache(folder) : null;

    /// <summary>The hashes saved under the same path and key; null if there are none.</summary>
    /// <param name="size">Their bytes.</param>
    public byte[]? Find(string path, ReadOnlySpan<byte> key, int size)
    {
        try
        {
            string file = FileOf(path);
            if (!File.Exists(file) || new FileInfo(file).Length != key.Length + size + Sha256.Size) return null;
            byte[] bytes = File.ReadAllBytes(file);
            Span<byte> sum = stackalloc byte[Sha256.Size];
            Sha256.Hash(bytes.AsSpan(..^Sha256.Size), sum);
            return bytes.AsSpan().StartsWith(key) && bytes.AsSpan().EndsWith(sum) ? bytes[key.Length..^Sha256.Size] : null;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return null; // hashed again instead
        }
    }

    public DiskResult Save(string path, ReadOnlySpan<byte> key, ReadOnlySpan<byte> hashes)
    {
        byte[] bytes = new byte[key.Length + hashes.Length + Sha256.Size];
        key.CopyTo(bytes);
        hashes.CopyTo(bytes.AsSpan(key.Length));
        Sha256.Hash(bytes.AsSpan(..^Sha256.Size), bytes.AsSpan(bytes.Length - Sha256.Size));
        return AtomicFile.Write(FileOf(path), bytes);
    }

    string FileOf(string path)
    {
        Span<byte> name = stackalloc byte[Sha1.Size];
        Sha1.Hash(Encoding.UTF8.GetBytes(path), name);
        return Path.Combine(folder, Convert.ToHexStringLower(name));
    }
}
