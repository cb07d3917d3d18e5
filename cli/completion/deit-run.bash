# bash completion for deit-run(1)

_deit_run()
{
    local current previous words cword

    # Without the bash-completion package the words are split at "=" too, which does no harm here.
    if declare -F _init_completion >/dev/null; then
        local cur prev split
        _init_completion -s || return
        current=$cur previous=$prev
    else
        current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    fi

    case $previous in
    -m | --model) _deit_run_files '*.@(safetensors|json)' ;;
    -l | --labels) _deit_run_files '*.@(txt|json)' ;;
    --tensor | --logits | --features | --save-input) _deit_run_files '*.npy' ;;
    --files-from) _deit_run_files '*' ;;
    --head) _deit_run_words 'avg cls dist' ;;
    -r | --recipe) _deit_run_words 'auto timm fb hf' ;;
    --pillow) _deit_run_words '12 13' ;;
    -p | --precision) _deit_run_words 'auto f32 bf16x3 bf16x6 bf16 int8' ;;
    -f | --format) _deit_run_words 'text json csv' ;;
    -k | --top | -t | --threads | -b | --batch | --max-pixels | --max-memory) ;;
    *)
        case $current in
        -*) _deit_run_words '--model --top --labels --head --recipe --pillow --precision --threads
            --batch --format --files-from --tensor --logits --features --save-input --max-pixels
            --max-memory --allow-nonfinite --follow-links --recursive --quiet --verbose
            --no-progress --help --version' ;;
        *) _deit_run_files '*.@(jpg|jpeg|png)' ;;
        esac
        ;;
    esac
}

# Proposes the words of $1 that begin with what is typed.
_deit_run_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# Proposes folders, and files whose names, in lower case, match $1.
_deit_run_files()
{
    local file
    compopt -o filenames 2>/dev/null
    COMPREPLY=()
    while IFS= read -r file; do
        # shellcheck disable=SC2053 # a pattern is meant
        if [[ -d $file || ${file,,} == $1 ]]; then
            COMPREPLY+=("$file")
        fi
    done < <(compgen -f -- "$current")
}

complete -F _deit_run deit-run
