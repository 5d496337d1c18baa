namespace TinyTorrent.Swarm;

/// <summary>What a torrent is doing, for display and for trackers. Sizes in bytes, rates in bytes per second.</summary>
/// <param name="Left">Of what is wanted.</param>
/// <param name="Missing">Bytes missing of the whole content: what trackers call "left".</param>
/// <param name="PeersCompleted">Peers that got their last piece while connected to us.</param>
readonly record struct TorrentStats(
    long Wanted, long Left, long Missing, long Downloaded, long Uploaded, long Wasted, double DownRate,
    int Peers, int Seeds, int PeersCompleted, int FailedPieces, bool IsComplete);
