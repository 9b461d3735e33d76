"""What `extrato` can be told to do, a file for each noun."""
