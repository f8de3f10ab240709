-- at the first start of the database server: a database for MLflow beside ours
create database mlflow;
