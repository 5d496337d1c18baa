namespace TinyTorrent.Tracker;

/// <summary>Why a request is not answered.</summary>
/// <param name="reason">A line for the peer's user, in ASCII.</param>
/// <param name="retryIn">Minutes to stay away (BEP 31); 0 says nothing about it.</param>
readonly ref struct Refusal(ReadOnlySpan<byte> reason, int retryIn = 0)
{
    public ReadOnlySpan<byte> Reason { get; } = reason;
    public int RetryIn { get; } = retryIn;
}
