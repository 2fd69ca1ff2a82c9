/**
 * What a shell runs to complete a command line: it asks the command (`completion.ts`), as the scripts of
 * yargs do. Those stumble over `--option=value`, put a space after `--report html=`, and take the
 * login shell for the one that asks.
 */

const BASH = `# bash completion of validate-trail
_validate_trail() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" IFS=$'\\n'
  [[ $cur == = ]] && cur=
  COMPREPLY=($(compgen -W "$(
    SHELL=bash "$1" --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null
  )" -- "$cur"))
  if [[ \${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o bashdefault -o default -F _validate_trail validate-trail`;

const ZSH = `#compdef validate-trail
# zsh completion of validate-trail
_validate_trail() {
  local -a found
  found=("\${(@f)$(SHELL=zsh $words[1] --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -z $found[1] ]]; then
    compset -P '*='
    _files
  elif [[ $found[1] == *= ]]; then
    compadd -S '' -- $found
  else
    _describe validate-trail found
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _validate_trail "$@"
else
  compdef _validate_trail validate-trail
fi`;

export const SCRIPTS = { bash: BASH, zsh: ZSH } as const;
