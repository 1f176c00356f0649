# fish completion for danqing: every candidate comes from the command itself.
function __danqing_candidates
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$line" = ":file"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c danqing -f -a '(__danqing_candidates)'
