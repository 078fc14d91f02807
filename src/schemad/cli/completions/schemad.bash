# Has bash complete `schemad`. Put into ~/.bashrc: eval "$(schemad completion bash)"
_schemad() {
    local IFS=$'\n'
    COMPREPLY=($(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" _SCHEMAD_COMPLETE=complete_bash "$1" 2>/dev/null))
}
# Where there is nothing to say, a file may be meant.
complete -o nosort -o default -F _schemad schemad
