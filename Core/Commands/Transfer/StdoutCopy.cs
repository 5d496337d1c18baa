// The folder that holds the file which `-o -` writes to stdout: pieces come in any order, and are read back when it is their
// turn. It goes at the end, also when a second Ctrl-C ends the process at once.
using TinyTorrent.Storage;

namespace TinyTorrent.Commands;

sealed class StdoutCopy : IDisposable
{
    StdoutCopy(string folder)
    {
        Folder = folder;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    public string Folder { get; }

    /// <exception cref="CommandException">There is no place for it; names the folder.</exception>
    public static StdoutCopy Create()
    {
        try
        {
            return new StdoutCopy(Directory.CreateTempSubdirectory("tinytorrent-").FullName);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            CommandException fault = Failure.Disk(e, Path.GetTempPath());
            throw new CommandException(fault.Code, fault.Message + " (a copy of what goes to stdout is kept there; TMPDIR chooses another folder)");
        }
    }

    void OnExit(object? sender, EventArgs e) => Remove();

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        Remove();
    }

    void Remove()
    {
        // At the exit other threads may still write: a file that is made while the folder is emptied keeps it.
        for (int tries = 3; tries > 0 && Directory.Exists(Folder); tries--)
        {
            try
            {
                Directory.Delete(Folder, recursive: true);
            }
            catch (Exception e) when (DiskResult.IsDisk(e)) { } // a leftover in a folder for temporary files
        }
    }
}
