namespace TinyTorrent.Browse;

/// <summary>What a browser is told a file is. Anything it could run is bytes to it.</summary>
static class MediaType
{
    public const string Unknown = "application/octet-stream";

    public static string Of(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".aac" => "audio/aac",
        ".aif" or ".aiff" => "audio/aiff",
        ".flac" => "audio/flac",
        ".m4a" or ".m4b" => "audio/mp4",
        ".mka" => "audio/x-matroska",
        ".mp3" => "audio/mpeg",
        ".oga" or ".ogg" or ".opus" or ".spx" => "audio/ogg",
        ".wav" => "audio/wav",
        ".wma" => "audio/x-ms-wma",
        ".3gp" => "video/3gpp",
        ".avi" => "video/x-msvideo",
        ".m4v" or ".mp4" => "video/mp4",
        ".mkv" => "video/x-matroska",
        ".mov" or ".qt" => "video/quicktime",
        ".mpeg" or ".mpg" => "video/mpeg",
        ".ogv" => "video/ogg",
        ".ts" or ".m2ts" or ".mts" => "video/mp2t",
        ".webm" => "video/webm",
        ".wmv" => "video/x-ms-wmv",
        _ => Unknown,
    };
}
