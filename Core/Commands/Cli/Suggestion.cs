// "did you mean …?" for a mistyped command or option.
namespace TinyTorrent.Commands;

static class Suggestion
{
    /// <summary><c>; did you mean 'seed'?</c>, or nothing when no candidate is near.</summary>
    public static string For(string word, IEnumerable<string> candidates)
    {
        string? nearest = candidates.MinBy(candidate => Distance(word, candidate));
        bool isNear = nearest is not null && (Distance(word, nearest) <= Math.Max(1, nearest.Length / 3)
            || (word.Length >= 2 && nearest.StartsWith(word, StringComparison.Ordinal)));
        return isNear ? $"; did you mean '{nearest}'?" : "";
    }

    /// <summary>A few slips of the finger apart, or the beginning of it, whatever the case.</summary>
    public static bool IsNear(string word, string candidate)
    {
        (word, candidate) = (word.ToUpperInvariant(), candidate.ToUpperInvariant());
        return Distance(word, candidate) <= Math.Max(1, word.Length / 4) || (word.Length >= 2 && candidate.StartsWith(word, StringComparison.Ordinal));
    }

    /// <summary>Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.</summary>
    static int Distance(string from, string to)
    {
        // Words are typed by hand; a pasted book must not cost its square.
        if (from.Length > 40 || to.Length > 40) return int.MaxValue;
        int[,] cost = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }
                int changed = from[i - 1] == to[j - 1] ? 0 : 1;
                cost[i, j] = Math.Min(Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1, cost[i - 1, j - 1] + changed);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
            }
        }
        return cost[from.Length, to.Length];
    }
}
