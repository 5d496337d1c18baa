// No type reaches itself through others, except a few that belong together: read from the compiled program, so that what is
// inferred, passed on or called without being named counts too.
using System.Reflection;
using System.Reflection.Emit;

namespace TinyTorrent.Tests.Layering;

public sealed class CycleTests
{
    const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>Types that may know each other, because neither means anything alone.</summary>
    static readonly string[][] Together =
    [
        ["ActiveTorrent", "Engine"],
        ["Admission", "PeerSession"],
        ["Arguments", "Command"], // a command is run with its arguments, which are read by its options
        ["BencodeEntries", "BencodeEntry", "BencodeItems", "BencodeValue"],
        ["CommandTable", "CompletionsCommand", "HelpCommand", "HelpText", "ManCommand"], // commands that print the table they stand in
        ["Disk", "LinuxDisk", "PortableDisk"], // the first chooses one of the others
        ["EpollReadiness", "IReadiness", "PortableReadiness"], // likewise
        ["HttpHandler", "HttpResponse"],
        ["PeerLink", "Torrent"],
        ["PeerPieces", "Request", "RequestQueue"],
        ["PieceVerifier", "TorrentDisk"],
        ["Sha256", "Sha256Lanes`2"],
        ["SwarmRecord", "SwarmSnapshot"],
        ["UdpCodec", "UdpReply"],
    ];

    static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    readonly Dictionary<Type, HashSet<Type>> _uses = [];

    [Fact]
    public void NoTypeReachesItselfExceptThoseThatBelongTogether()
    {
        foreach (Type type in typeof(Engine).Assembly.GetTypes()) Read(type);
        string[] found = [.. Cycles().Select(Describe).Order()];
        string[] allowed = [.. Together.Select(group => string.Join(' ', group.Order())).Order()];
        Assert.True(found.SequenceEqual(allowed), "cycles: \n" + string.Join('\n', found.Except(allowed)) + "\nno longer there:\n" + string.Join('\n', allowed.Except(found)));
    }

    static string Describe(IReadOnlyList<Type> cycle) => string.Join(' ', cycle.Select(type => type.Name).Order());

    void Read(Type type)
    {
        Add(type, type.BaseType);
        foreach (Type face in type.GetInterfaces()) Add(type, face);
        foreach (FieldInfo field in type.GetFields(Declared)) Add(type, field.FieldType);
        foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
        {
            foreach (ParameterInfo parameter in method.GetParameters()) Add(type, parameter.ParameterType);
            if (method is MethodInfo { ReturnType: { } returned }) Add(type, returned);
            if (method.GetMethodBody() is not { } body) continue;
            foreach (LocalVariableInfo local in body.LocalVariables) Add(type, local.LocalType);
            foreach (MemberInfo member in Members(method, body.GetILAsByteArray()!)) Add(type, member as Type ?? member.DeclaringType);
        }
    }

    /// <summary>What the code of a method names: types, and members of types.</summary>
    static IEnumerable<MemberInfo> Members(MethodBase method, byte[] code)
    {
        Type[] ofType = method.DeclaringType!.GetGenericArguments(), ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : [];
        for (int at = 0; at < code.Length;)
        {
            short value = code[at++];
            if (value == 0xFE) value = (short)(0xFE00 | code[at++]);
            OperandType operand = OpCodesByValue[value].OperandType;
            if (operand is OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineField or OperandType.InlineTok)
                yield return method.Module.ResolveMember(BitConverter.ToInt32(code, at), ofType, ofMethod)!;
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }

    // Nested types, and what the compiler makes of lambdas and async methods, are part of the type they stand in.
    void Add(Type user, Type? used)
    {
        if (used is null) return;
        if (used.HasElementType) Add(user, used.GetElementType());
        if (used.IsGenericType) foreach (Type argument in used.GetGenericArguments()) Add(user, argument);
        if (used.IsGenericParameter) return;
        (user, used) = (Outermost(user), Outermost(used));
        if (user == used || used.Assembly != user.Assembly) return;
        if (!_uses.TryGetValue(user, out HashSet<Type>? uses)) _uses.Add(user, uses = []);
        uses.Add(used);
    }

    static Type Outermost(Type type)
    {
        while (type.DeclaringType is { } outer) type = outer;
        return type.IsGenericType ? type.GetGenericTypeDefinition() : type;
    }

    /// <summary>Groups of types that reach each other (Tarjan's strongly connected components).</summary>
    List<List<Type>> Cycles()
    {
        var found = new List<List<Type>>();
        var numbers = new Dictionary<Type, int>();
        var path = new Stack<Type>();
        foreach (Type type in _uses.Keys) if (!numbers.ContainsKey(type)) Visit(type);
        return found;

        int Visit(Type type)
        {
            int number = numbers.Count, lowest = number;
            numbers.Add(type, number);
            path.Push(type);
            foreach (Type used in _uses.GetValueOrDefault(type) ?? [])
                lowest = Math.Min(lowest, !numbers.TryGetValue(used, out int known) ? Visit(used) : path.Contains(used) ? known : lowest);
            if (lowest != number) return lowest;
            var cycle = new List<Type>();
            do cycle.Add(path.Pop());
            while (cycle[^1] != type);
            if (cycle.Count > 1) found.Add(cycle);
            return number;
        }
    }
}
