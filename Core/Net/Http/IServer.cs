namespace TinyTorrent.Net;

/// <summary>Serves from its creation until it is disposed. Several are stopped first and disposed then, so that their ends coincide.</summary>
interface IServer : IDisposable
{
    /// <summary>Who has asked is still answered, for a moment; others are sent away. Returns at once.</summary>
    void Stop();
}
