# Has fish complete `schemad`. Put into ~/.config/fish/config.fish: schemad completion fish | source
function __schemad_complete
    set -l known (env _TYPER_COMPLETE_ARGS=(commandline -cp) _TYPER_COMPLETE_FISH_ACTION=get-args \
        _SCHEMAD_COMPLETE=complete_fish schemad 2>/dev/null | string match -r '.+')
    if test (count $known) -gt 0
        printf '%s\n' $known
    else
        # Where there is nothing to say, a file may be meant.
        __fish_complete_path (commandline -ct)
    end
end
complete --command schemad --erase
complete --command schemad --no-files --keep-order --arguments '(__schemad_complete)'
