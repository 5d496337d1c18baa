// A folder of a test's own, on /dev/shm where there is one, gone at the end of the test.
namespace TinyTorrent.Tests.Storage;

sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder()
    {
        string parent = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        Path = System.IO.Path.Combine(parent, "tinytorrent-test-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
