"""``cis completion``: words for the Tab key, written into a script once; pressing Tab starts no program of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

Words = Mapping[str, list[str]]
"""Path of a command, and perhaps an option of it that takes one of several words → what may follow."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL; docs/how-to/use-the-command-line.md tells where.

    Make it anew after an upgrade: it holds the commands as they are now.
    """
    root = context.find_root()
    words = dict(_words(root.command, root, ""))
    click.echo({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](words))


def _words(command: click.Command, context: click.Context, path: str) -> Iterator[tuple[str, list[str]]]:
    options = [
        name for one in command.params if isinstance(one, click.Option) for name in (*one.opts, *one.secondary_opts)
    ]
    below = command.list_commands(context) if isinstance(command, click.Group) else []
    words = [choice for one in command.params if isinstance(one, click.Argument) for choice in _choices(one)]
    yield path, [*below, *words, *options, "--help"]
    for one in command.params:
        for name in one.opts if isinstance(one, click.Option) and _choices(one) else ():
            yield f"{path} {name}".strip(), _choices(one)
    if isinstance(command, click.Group):
        for name in below:
            found = command.get_command(context, name)
            if found is not None:
                yield from _words(found, context, f"{path} {name}".strip())


def _choices(parameter: click.Parameter) -> list[str]:
    return [str(one) for one in parameter.type.choices] if isinstance(parameter.type, click.Choice) else []


def _bash(words: Words) -> str:
    cases = "\n".join(f'    "{path}") echo "{" ".join(found)}" ;;' for path, found in words.items())
    return f"""# Completion of cis for bash.
_cis_words() {{
  case "$1" in
{cases}
  esac
}}
_cis() {{
  local path="" word found i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    [[ "$word" == -* || -z "$(_cis_words "${{path:+$path }}$word")" ]] || path="${{path:+$path }}$word"
  done
  found="$(_cis_words "${{path:+$path }}${{COMP_WORDS[COMP_CWORD-1]}}")"
  [[ "${{COMP_WORDS[COMP_CWORD-1]}}" == --* && -n "$found" ]] || found="$(_cis_words "$path")"
  COMPREPLY=($(compgen -W "$found" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _cis cis"""


def _zsh(words: Words) -> str:
    head = "# Completion of cis for zsh, by its own reading of bash's.\nautoload -U +X bashcompinit && bashcompinit\n"
    return head + _bash(words)


def _fish(words: Words) -> str:
    cases = "\n".join(f"    case '{path}'\n      printf '%s\\n' {' '.join(found)}" for path, found in words.items())
    return f"""# Completion of cis for fish.
function __cis_words
  switch "$argv"
{cases}
  end
end
function __cis_complete
  set -l path
  set -l typed (commandline -opc)
  for word in $typed[2..-1]
    if not string match -q -- '-*' $word; and test -n "$(__cis_words $path $word)"
      set -a path $word
    end
  end
  set -l chosen (__cis_words $path $typed[-1])
  if string match -q -- '--*' $typed[-1]; and test -n "$chosen"
    printf '%s\\n' $chosen
  else
    __cis_words $path
  end
end
complete -c cis -a '(__cis_complete)'"""
