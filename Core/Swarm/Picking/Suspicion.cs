// What is held against an address: failed pieces that peers from there took part in. All connections from the address share it,
// and it outlives them: a liar that reconnects before its trial is over goes on with the trial. Honest peers behind the same
// router share the suspicion as well. It costs them little: they work alone for a few pieces, and each right one clears all of them.
namespace TinyTorrent.Swarm;

/// <summary>Changed by the picker, kept by <see cref="PeerList"/>. Not thread-safe.</summary>
sealed class Suspicion
{
    /// <summary>Failed pieces somebody from here took part in.</summary>
    public int Failures { get; set; }

    /// <summary>Right pieces to be sent alone before peers from here may share pieces again; see <see cref="PiecePicker.OnHashFailed"/>.</summary>
    public int Trials { get; set; }

    /// <summary>Connections from here at present.</summary>
    public int Connections { get; set; }
}
