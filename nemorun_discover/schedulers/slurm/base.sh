# The job_dir as it was given, made absolute here: it may begin at the user's home.
case $base in
  '~') base=$HOME ;;
  '~/'*) base=$HOME/${base#'~/'} ;;
  /*) ;;
  *) base=$HOME/$base ;;
esac
