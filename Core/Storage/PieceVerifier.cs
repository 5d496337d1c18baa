// TEMP scalar
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
namespace TinyTorrent.Storage;

readonly record struct PieceToVerify(MetainfoFile Metainfo, PieceStore Store, int Piece, Action<int, DiskResult, bool> Done);

sealed class PieceVerifier : IDisposable
{
    readonly System.Collections.Concurrent.BlockingCollection<PieceToVerify> _q = [];
    readonly Thread _t;
    public PieceVerifier() { _t = new Thread(Work) { Name = "verify", IsBackground = true }; _t.Start(); }
    public void Add(in PieceToVerify p) => _q.Add(p);
    void Work()
    {
        foreach (var p in _q.GetConsumingEnumerable())
        {
            byte[] b = new byte[p.Metainfo.Geometry.LengthOf(p.Piece)];
            var r = p.Store.Read(p.Metainfo.Geometry.OffsetOf(p.Piece), b);
            byte[] d = new byte[20]; Sha1.Hash(b, d);
            p.Done(p.Piece, r, d.AsSpan().SequenceEqual(p.Metainfo.HashOf(p.Piece)));
        }
    }
    public void Dispose() { _q.CompleteAdding(); _t.Join(); }
}
