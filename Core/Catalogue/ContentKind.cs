// What a torrent is mostly made of, judged by its files' extensions: most of the bytes decide, so an album with its cover is
// audio and a film with its subtitles is video.
using TinyTorrent.Metainfo;

namespace TinyTorrent.Catalogue;

enum ContentKind : byte
{
    Other,
    Audio,
    Video,
}

static class ContentKinds
{
    static readonly HashSet<string> s_audio = new(StringComparer.OrdinalIgnoreCase)
    {
        "aac", "ac3", "aif", "aiff", "alac", "amr", "ape", "au", "caf", "dsf", "dts", "flac", "m4a", "m4b", "mid", "midi", "mka", "mp2", "mp3",
        "mpc", "oga", "ogg", "opus", "ra", "spx", "tak", "tta", "wav", "wma", "wv",
    };

    static readonly HashSet<string> s_video = new(StringComparer.OrdinalIgnoreCase)
    {
        "3gp", "asf", "avi", "divx", "f4v", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "qt", "rm",
        "rmvb", "ts", "vob", "webm", "wmv", "y4m",
    };

    public static ContentKind Of(FileMap files)
    {
        Span<long> bytes = stackalloc long[3];
        foreach (FileEntry file in files.Files)
            if (!file.IsPadding) bytes[(int)Of(file.Path)] += file.Length;
        ContentKind most = bytes[(int)ContentKind.Video] >= bytes[(int)ContentKind.Audio] ? ContentKind.Video : ContentKind.Audio;
        return bytes[(int)most] > bytes[(int)ContentKind.Other] ? most : ContentKind.Other;
    }

    static ContentKind Of(string path)
    {
        // Not Path.GetExtension: what separates folders must not depend on the machine.
        string name = path[(path.LastIndexOf('/') + 1)..];
        int dot = name.LastIndexOf('.');
        if (dot < 0) return ContentKind.Other;
        string extension = name[(dot + 1)..];
        return s_video.Contains(extension) ? ContentKind.Video : s_audio.Contains(extension) ? ContentKind.Audio : ContentKind.Other;
    }

    /// <summary>As it is written in addresses and answers.</summary>
    public static string NameOf(ContentKind kind) => kind switch
    {
        ContentKind.Audio => "audio",
        ContentKind.Video => "video",
        _ => "other",
    };

    public static bool TryParse(ReadOnlySpan<char> name, out ContentKind kind)
    {
        kind = name switch
        {
            "audio" => ContentKind.Audio,
            "video" => ContentKind.Video,
            _ => ContentKind.Other,
        };
        return kind != ContentKind.Other || name is "other";
    }
}
