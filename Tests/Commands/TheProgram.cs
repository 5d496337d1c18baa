// The built program in a process of its own, as a script starts it.
using System.Diagnostics;

namespace TinyTorrent.Tests.Commands;

static class TheProgram
{
    /// <summary>stdout and stderr are for the caller to read; stdin is the tests' own.</summary>
    public static ProcessStartInfo With(params string[] arguments) => new("dotnet", [Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll"), .. arguments])
    {
        RedirectStandardOutput = true, RedirectStandardError = true,
    };

    public static (int Code, string Output, string Errors) Run(params string[] arguments) => Run(With(arguments));

    /// <summary>Waits for its end. Nothing can be read from stdin.</summary>
    public static (int Code, string Output, string Errors) Run(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
