#compdef schemad
# Has zsh complete `schemad`. Put into ~/.zshrc, after compinit: eval "$(schemad completion zsh)"
# Or save it as _schemad in a directory of $fpath.
_schemad() {
    eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _SCHEMAD_COMPLETE=complete_zsh "${words[1]}" 2>/dev/null)
}
if [[ "${funcstack[1]}" == _schemad ]]; then
    _schemad "$@"
else
    compdef _schemad schemad
fi
